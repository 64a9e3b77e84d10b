package ovs

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check/checktest"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

const runDir = "/run/openvswitch"

func newProbe(t testing.TB, paths host.Paths) *Probe {
	t.Helper()
	doors := host.Open(paths)
	t.Cleanup(doors.Close)
	return New(config.DefaultChecks().OVS, doors)
}

// look is one look with more time than the runner gives, so that a busy machine is not taken for a frozen daemon.
func look(t testing.TB, p *Probe) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	return told(p.Probe(ctx))
}

func TestProbe_FollowsASwitchThroughItsLife(t *testing.T) {
	paths := hosttest.NewMachine(t)
	p := newProbe(t, paths)
	require.Equal(t, "not applicable", look(t, p))

	s := hosttest.StartSwitch(t, paths, runDir)
	require.Empty(t, look(t, p))
	s.Set(host.OVSDatabase{NextConfig: 1})
	p.subject.StuckAfter.Duration, p.stuckAfter = 0, time.Nanosecond
	_ = look(t, p)
	require.Equal(t, "OVSConfigStuck", look(t, p))
	s.Set(host.OVSDatabase{CurrentConfig: 1, NextConfig: 1})
	require.Empty(t, look(t, p))

	hosttest.Frozen(t, paths, runDir+"/ovs-vswitchd.50.ctl")
	require.Equal(t, "OVSVswitchdNotAnswering", look(t, p), "alive in ps, silent on its socket")
	hosttest.Process{PID: 50, Name: "ovs-vswitchd", State: 'Z'}.Add(t, paths)
	require.Equal(t, "OVSVswitchdZombie", look(t, p))
	hosttest.Reap(t, paths, 50)
	hosttest.Dead(t, paths, runDir+"/ovs-vswitchd.50.ctl")
	require.Equal(t, "OVSVswitchdNotRunning", look(t, p))

	hosttest.Dead(t, paths, runDir+"/db.sock")
	require.Equal(t, "OVSVswitchdNotRunning OVSDBNotAnswering", look(t, p))
	hosttest.Reap(t, paths, 51)
	require.Equal(t, "OVSVswitchdNotRunning OVSDBNotRunning", look(t, p))

	hosttest.StartSwitch(t, paths, runDir)
	require.Empty(t, look(t, p))
	require.NoError(t, os.Remove(paths.At(runDir+"/ovsdb-server.51.ctl")))
	require.Equal(t, "OVSDBNotAnswering", look(t, p))
}

func TestProbe_TidiedAwayPIDFilesAreNoFault(t *testing.T) {
	paths := hosttest.NewMachine(t)
	p := newProbe(t, paths)
	hosttest.StartSwitch(t, paths, runDir)
	require.Empty(t, look(t, p))
	require.NoError(t, os.Remove(paths.At(runDir+"/ovs-vswitchd.pid")))
	require.Empty(t, look(t, p))
}

func TestProbe_FindsTheDaemonsOfAContainer(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.StartSwitch(t, paths, runDir)
	hosttest.Process{PID: 50, Name: "kworker/1"}.Add(t, paths) // the host's own 50
	hosttest.Process{PID: 900, Name: "ovs-vswitchd", InContainer: true, Inner: 50, HostNetwork: true}.Add(t, paths)
	p := newProbe(t, paths)
	require.Empty(t, look(t, p))
	hosttest.Frozen(t, paths, runDir+"/ovs-vswitchd.50.ctl")
	hosttest.Process{PID: 900, Name: "ovs-vswitchd", InContainer: true, Inner: 50, HostNetwork: true, State: 'Z'}.Add(t, paths)
	require.Equal(t, "OVSVswitchdZombie", look(t, p))
}

func TestProbe_OVNsDatabasesAreNotTheSwitchs(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.Process{PID: 60, Name: "ovsdb-server"}.Add(t, paths)
	require.Equal(t, "not applicable", look(t, newProbe(t, paths)))
}

func TestProbe_APackageThatWasNeverStartedIsNotThere(t *testing.T) {
	paths := hosttest.NewMachine(t)
	systemd := hosttest.StartSystemd(t, paths)
	for _, name := range []string{"ovs-vswitchd.service", "ovsdb-server.service"} {
		systemd.Set(host.Unit{Name: name, ActiveState: "inactive", SubState: "dead", UnitFileState: "static"})
	}
	systemd.Set(host.Unit{Name: umbrellas[0], ActiveState: "inactive", UnitFileState: "disabled"})
	require.Equal(t, "not applicable", look(t, newProbe(t, paths)))

	systemd.Set(host.Unit{Name: umbrellas[0], ActiveState: "inactive", UnitFileState: "enabled"})
	require.Equal(t, "OVSVswitchdNotRunning OVSDBNotRunning", look(t, newProbe(t, paths)), "it should run")
}

func BenchmarkLook(b *testing.B) {
	paths := hosttest.NewMachine(b)
	hosttest.StartSwitch(b, paths, runDir)
	p := newProbe(b, paths)
	require.Empty(b, look(b, p))
	checktest.Looks(b, p)
}
