//go:build daemons

// Against Debian's openvswitch-switch: a real ovsdb-server, and a real ovs-vswitchd with the datapath in user space and
// a network namespace of its own.
package ovs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/agent/check/checktest"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

type realSwitch struct {
	t        testing.TB
	dir      string
	server   *exec.Cmd
	vswitchd *exec.Cmd
	probe    *Probe
}

func startReal(t testing.TB, database ...string) *realSwitch {
	t.Helper()
	dir, err := os.MkdirTemp("", "ovs") // t.TempDir is too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &realSwitch{t: t, dir: dir}
	s.run("ovsdb-tool", "create", s.at("conf.db"), "/usr/share/openvswitch/vswitch.ovsschema")
	s.startServer()
	s.startVswitchd(database...)

	o := config.DefaultChecks().OVS
	o.RunDir, o.VswitchdUnit, o.DatabaseUnit, o.StuckAfter.Duration = dir, "", "", 2*time.Second
	doors := host.Open(host.Paths{})
	t.Cleanup(doors.Close)
	s.probe = New(o, doors)
	return s
}

func (s *realSwitch) startServer() {
	s.t.Helper()
	s.server = s.start(0, "ovsdb-server", s.at("conf.db"), "--remote=punix:"+s.at("db.sock"))
}

func (s *realSwitch) startVswitchd(database ...string) {
	s.t.Helper()
	s.vswitchd = s.start(unix.CLONE_NEWNET, "ovs-vswitchd", append(database, "unix:"+s.at("db.sock"))[0], "--disable-system")
}

// start starts a daemon and waits for its control socket.
func (s *realSwitch) start(namespaces uintptr, name string, args ...string) *exec.Cmd {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), name, append(args, "--pidfile="+s.at(name+".pid"), "-vconsole:off")...) //nolint:gosec // a test
	cmd.Env = append(os.Environ(), "OVS_RUNDIR="+s.dir, "OVS_LOGDIR="+s.dir, "OVS_DBDIR="+s.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	require.NoError(s.t, cmd.Start())
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	require.Eventually(s.t, func() bool {
		_, err := host.NewOVS(host.Paths{}).Version(s.t.Context(), s.t.Context(), s.dir, name)
		return err == nil
	}, 20*time.Second, 10*time.Millisecond, name)
	return cmd
}

func (s *realSwitch) run(name string, args ...string) {
	s.t.Helper()
	out, err := exec.CommandContext(s.t.Context(), name, args...).CombinedOutput() //nolint:gosec // a test
	require.NoError(s.t, err, "%s: %s", name, out)
}

func (s *realSwitch) at(name string) string { return filepath.Join(s.dir, name) }

// look is a look as the runner makes it.
func (s *realSwitch) look() string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 800*time.Millisecond)
	defer cancel()
	return told(s.probe.Probe(ctx))
}

func (s *realSwitch) eventually(want string) {
	s.t.Helper()
	began := time.Now()
	require.Eventually(s.t, func() bool { return s.look() == want }, 20*time.Second, 20*time.Millisecond, want)
	s.t.Logf("%q after %s", want, time.Since(began).Round(time.Millisecond))
}

func TestDaemons_FaultsOfOpenVSwitch(t *testing.T) {
	for name, c := range map[string]struct {
		fault  func(*realSwitch)
		want   string
		repair func(*realSwitch)
	}{
		"vswitchd killed and not reaped": {
			func(s *realSwitch) { s.kill(s.vswitchd, unix.SIGKILL, 'Z') }, "OVSVswitchdZombie",
			func(s *realSwitch) { _ = s.vswitchd.Wait(); s.startVswitchd() },
		},
		"vswitchd killed": {
			func(s *realSwitch) { s.kill(s.vswitchd, unix.SIGKILL, 'Z'); _ = s.vswitchd.Wait() }, "OVSVswitchdNotRunning",
			func(s *realSwitch) { s.startVswitchd() },
		},
		"vswitchd ended as it should": {
			func(s *realSwitch) { s.kill(s.vswitchd, unix.SIGTERM, 'Z'); _ = s.vswitchd.Wait() }, "OVSVswitchdNotRunning",
			func(s *realSwitch) { s.startVswitchd() },
		},
		"vswitchd stopped": {
			func(s *realSwitch) { s.kill(s.vswitchd, unix.SIGSTOP, 'T') }, "OVSVswitchdNotAnswering",
			func(s *realSwitch) { s.kill(s.vswitchd, unix.SIGCONT, 'S') },
		},
		"vswitchd's socket removed": {
			func(s *realSwitch) { s.remove("ovs-vswitchd.*.ctl") }, "OVSVswitchdNotAnswering",
			func(s *realSwitch) { s.kill(s.vswitchd, unix.SIGTERM, 'Z'); _ = s.vswitchd.Wait(); s.startVswitchd() },
		},
		"server killed and not reaped": {
			func(s *realSwitch) { s.kill(s.server, unix.SIGKILL, 'Z') }, "OVSDBZombie",
			func(s *realSwitch) { _ = s.server.Wait(); s.startServer() },
		},
		"server killed": {
			func(s *realSwitch) { s.kill(s.server, unix.SIGKILL, 'Z'); _ = s.server.Wait() }, "OVSDBNotRunning",
			func(s *realSwitch) { s.startServer() },
		},
		"server stopped": {
			func(s *realSwitch) { s.kill(s.server, unix.SIGSTOP, 'T') }, "OVSDBNotAnswering",
			func(s *realSwitch) { s.kill(s.server, unix.SIGCONT, 'S') },
		},
		"server's socket removed": {
			func(s *realSwitch) { s.remove("db.sock") }, "OVSDBNotAnswering",
			func(s *realSwitch) { s.kill(s.server, unix.SIGTERM, 'Z'); _ = s.server.Wait(); s.startServer() },
		},
		"server's control socket removed": {
			func(s *realSwitch) { s.remove("ovsdb-server.*.ctl") }, "OVSDBNotAnswering",
			func(s *realSwitch) { s.kill(s.server, unix.SIGTERM, 'Z'); _ = s.server.Wait(); s.startServer() },
		},
		"both stopped": {
			func(s *realSwitch) { s.kill(s.server, unix.SIGSTOP, 'T'); s.kill(s.vswitchd, unix.SIGSTOP, 'T') },
			"OVSVswitchdNotAnswering OVSDBNotAnswering",
			func(s *realSwitch) { s.kill(s.server, unix.SIGCONT, 'S'); s.kill(s.vswitchd, unix.SIGCONT, 'S') },
		},
		"PID files tidied away": {
			func(s *realSwitch) { s.remove("*.pid") }, "",
			func(*realSwitch) {},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startReal(t)
			require.Empty(t, s.look())
			c.fault(s)
			began := time.Now()
			require.Equal(t, c.want, s.look(), "the first look after the fault")
			t.Logf("%q after a look of %s", c.want, time.Since(began).Round(100*time.Microsecond))
			require.Equal(t, c.want, s.look())
			c.repair(s)
			s.eventually("")
		})
	}
}

// A vswitchd that is connected to no database answers, and carries out nothing.
func TestDaemons_AStuckConfiguration(t *testing.T) {
	s := startReal(t, "unix:/nowhere/db.sock")
	require.Empty(t, s.look())
	vsctl := exec.CommandContext(t.Context(), "ovs-vsctl", "--db=unix:"+s.at("db.sock"), "--timeout=1", //nolint:gosec // a test
		"add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
	require.Error(t, vsctl.Run(), "it waits for vswitchd in vain")
	require.Empty(t, s.look(), "not for long enough yet")
	s.eventually("OVSConfigStuck")

	s.kill(s.vswitchd, unix.SIGTERM, 'Z')
	_ = s.vswitchd.Wait()
	s.startVswitchd()
	s.eventually("")
	s.run("ovs-vsctl", "--db=unix:"+s.at("db.sock"), "--timeout=10", "del-br", "br0")
	require.Empty(t, s.look())
}

func TestDaemons_TheKernelTellsAtOnceThatADaemonEnded(t *testing.T) {
	s := startReal(t)
	require.Empty(t, s.look())
	told := checktest.Told(t, s.probe.Watch, s.vswitchd.Process.Pid)
	killed := time.Now()
	require.NoError(t, s.vswitchd.Process.Kill())
	t.Logf("told after %s", (<-told).Sub(killed))
	require.Equal(t, "OVSVswitchdZombie", s.look())
}

// Red Hat runs Open vSwitch as a user of its own. Without the capability the check must say so, and not that anything is
// wrong.
func TestDaemons_SocketsOfAnotherUserTakeDACOverride(t *testing.T) {
	s := startReal(t)
	sockets, err := filepath.Glob(s.at("*.ctl"))
	require.NoError(t, err)
	for _, socket := range append(sockets, s.at("db.sock")) {
		require.NoError(t, os.Chown(socket, 4711, 4711))
		require.NoError(t, os.Chmod(socket, 0o750))
	}
	require.NoError(t, os.Chmod(s.dir, 0o755))
	require.NoError(t, without(unix.CAP_DAC_READ_SEARCH, func() { require.Empty(t, s.askHere()) }), "not needed")
	require.NoError(t, without(unix.CAP_DAC_OVERRIDE, func() {
		require.Contains(t, s.askHere(), "takes the capability DAC_OVERRIDE")
	}))
}

// askHere asks in this goroutine, whose thread may have lost a capability.
func (s *realSwitch) askHere() string {
	ctx, cancel := context.WithTimeout(s.t.Context(), 800*time.Millisecond)
	defer cancel()
	answer := s.probe.askVswitchd(ctx, ctx)
	if answer.Err != nil {
		return answer.Err.Error()
	}
	return string(answer.Finding.Reason)
}

func (s *realSwitch) kill(cmd *exec.Cmd, signal unix.Signal, state byte) {
	s.t.Helper()
	require.NoError(s.t, cmd.Process.Signal(signal))
	require.Eventually(s.t, func() bool {
		p, err := host.NewProcesses(host.Paths{}).Stat(cmd.Process.Pid)
		return err == nil && (p.State == state || state == 'S' && p.State != 'T')
	}, 5*time.Second, time.Millisecond)
}

func (s *realSwitch) remove(pattern string) {
	s.t.Helper()
	files, err := filepath.Glob(s.at(pattern))
	require.NoError(s.t, err)
	require.NotEmpty(s.t, files)
	for _, file := range files {
		require.NoError(s.t, os.Remove(file))
	}
}

func BenchmarkDaemonsLook(b *testing.B) {
	s := startReal(b)
	require.Empty(b, s.look())
	checktest.Looks(b, s.probe)
}

// What the source document ran: a process each second.
func BenchmarkDaemonsAppctl(b *testing.B) {
	s := startReal(b)
	for b.Loop() {
		out, err := exec.CommandContext(b.Context(), "ovs-appctl", "-t", s.at("ovs-vswitchd."+pidOf(s.vswitchd)+".ctl"), "version").CombinedOutput()
		require.NoError(b, err, string(out))
	}
}
