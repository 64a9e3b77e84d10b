package daemon_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
)

const unit, socket = "d.service", "/run/d.sock"

// machine is one daemon on one fake machine.
type machine struct {
	t       *testing.T
	paths   host.Paths
	systemd *hosttest.Systemd
	probe   *daemon.Probe
	asked   int
}

func newMachine(t *testing.T, change ...func(*daemon.Subject)) *machine {
	t.Helper()
	m := &machine{t: t, paths: hosttest.NewMachine(t)}
	m.systemd = hosttest.StartSystemd(t, m.paths)
	doors := host.Open(m.paths)
	t.Cleanup(doors.Close)
	s := daemon.Subject{
		Name: "d", Unit: unit, Process: "d", Address: socket,
		Reasons: daemon.Reasons{NotRunning: "NotRunning", NotAnswering: "NotAnswering", Zombie: "Zombie"},
		Ask: func(outer, asked context.Context) daemon.Answer {
			m.asked++
			if _, err := doors.HTTP.GetUnix(outer, asked, socket, "/"); err != nil {
				return daemon.Unanswered(err)
			}
			return daemon.Answer{Kind: daemon.Good}
		},
	}
	for _, c := range change {
		c(&s)
	}
	m.probe = daemon.New(s, doors.Systemd, doors.Processes)
	return m
}

// look is one look with the runner's deadline for an interval of 1 s.
func (m *machine) look() string {
	ctx, cancel := context.WithTimeout(m.t.Context(), 3*time.Second)
	defer cancel()
	findings, err := m.probe.Probe(ctx)
	switch {
	case errors.Is(err, check.ErrNotApplicable):
		return "not applicable"
	case err != nil:
		return "unknown"
	case len(findings) == 0:
		return "healthy"
	case findings[0].Restarting:
		return string(findings[0].Reason) + " restarting"
	default:
		return string(findings[0].Reason)
	}
}

func (m *machine) running(pid int, invocation string) {
	m.systemd.Set(host.Unit{Name: unit, ActiveState: "active", SubState: "running", MainPID: pid, InvocationID: invocation, ActiveFor: time.Hour})
	hosttest.Process{PID: pid, Name: "d"}.Add(m.t, m.paths)
}

func TestProbe_FollowsADaemonThroughItsLife(t *testing.T) {
	m := newMachine(t)
	require.Equal(t, "not applicable", m.look())

	m.running(10, "aa")
	hosttest.ServeHTTP(t, m.paths, socket, ok)
	require.Equal(t, "healthy", m.look())

	hosttest.Frozen(t, m.paths, socket)
	require.Equal(t, "NotAnswering", m.look(), "alive in ps, silent on its socket")

	hosttest.Process{PID: 10, Name: "d", State: 'Z'}.Add(t, m.paths)
	require.Equal(t, "Zombie", m.look())

	hosttest.Reap(t, m.paths, 10)
	hosttest.Dead(t, m.paths, socket)
	m.systemd.Set(host.Unit{Name: unit, ActiveState: "activating", SubState: "auto-restart", InvocationID: "aa"})
	require.Equal(t, "NotRunning restarting", m.look())

	m.running(11, "bb")
	m.systemd.Set(host.Unit{Name: unit, ActiveState: "active", MainPID: 11, InvocationID: "bb", ActiveFor: time.Second})
	require.Equal(t, "NotAnswering restarting", m.look(), "up again and not answering yet")
	require.EqualValues(t, 1, m.probe.Restarts())

	hosttest.ServeHTTP(t, m.paths, socket, ok)
	require.Equal(t, "healthy", m.look())

	hosttest.Frozen(t, m.paths, socket)
	require.Equal(t, "NotAnswering", m.look(), "it was well since this start: no excuse")

	m.systemd.Set(host.Unit{Name: unit, ActiveState: "failed", Result: "signal", InvocationID: "bb"})
	require.Equal(t, "NotRunning", m.look())
}

func TestProbe_AFrozenBusDoesNotHideAnAnswer(t *testing.T) {
	m := newMachine(t)
	m.running(10, "aa")
	hosttest.ServeHTTP(t, m.paths, socket, ok)
	m.systemd.Freeze()
	require.Equal(t, "healthy", m.look())

	hosttest.Frozen(t, m.paths, socket)
	require.Equal(t, "unknown", m.look(), "all are silent: it may be the machine, or us")
	require.Equal(t, "NotAnswering restarting", m.look(), "systemd may be restarting it and cannot be asked")
}

func TestProbe_WithoutSystemdTheProcessAndTheSocketSpeak(t *testing.T) {
	m := newMachine(t, func(s *daemon.Subject) { s.Unit = "" })
	require.Equal(t, "not applicable", m.look())

	m = newMachine(t, func(s *daemon.Subject) { s.Unit = "" })
	hosttest.Process{PID: 10, Name: "d"}.Add(t, m.paths)
	require.Equal(t, "NotAnswering", m.look())
	hosttest.ServeHTTP(t, m.paths, socket, ok)
	require.Equal(t, "healthy", m.look())
	hosttest.Dead(t, m.paths, socket)
	hosttest.Reap(t, m.paths, 10)
	require.Equal(t, "NotRunning", m.look())
}

func TestProbe_DoesNotWakeADaemonThroughASocketOfSystemds(t *testing.T) {
	m := newMachine(t, func(s *daemon.Subject) { s.AskOnlyActive, s.Optional = true, true })
	hosttest.ServeHTTP(t, m.paths, socket, ok) // docker.socket: whoever asks starts docker.service
	m.systemd.Set(host.Unit{Name: unit, ActiveState: "inactive", UnitFileState: "disabled"})
	require.Equal(t, "not applicable", m.look())
	require.Zero(t, m.asked)

	m.running(10, "aa")
	require.Equal(t, "healthy", m.look())
	require.Equal(t, 1, m.asked)

	m.systemd.Set(host.Unit{Name: unit, ActiveState: "inactive", UnitFileState: "disabled"})
	require.Equal(t, "NotRunning", m.look(), "it ran")
	require.Equal(t, 1, m.asked)
}
