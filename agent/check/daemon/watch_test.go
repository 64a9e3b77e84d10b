package daemon_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
)

// watch runs the probe's watch; every event is in the channel.
func watch(t *testing.T, p *daemon.Probe) <-chan struct{} {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	told, ended := make(chan struct{}, 1000), make(chan error, 1)
	go func() { ended <- p.Watch(ctx, func() { told <- struct{}{} }) }()
	t.Cleanup(func() { cancel(); require.ErrorIs(t, <-ended, context.Canceled) })
	return told
}

func await(t *testing.T, told <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-told:
	case <-time.After(5 * time.Second):
		t.Fatal("nobody was told: " + what)
	}
}

// real is a probe of real processes called "bulkhead-sleep", without systemd.
func real(t *testing.T) (p *daemon.Probe, start func() *exec.Cmd) {
	t.Helper()
	const name = "bulkhead-sleep"
	program, err := exec.LookPath("sleep")
	require.NoError(t, err)
	s := daemon.Subject{Name: "d", Process: name, Reasons: daemon.Reasons{NotRunning: "NotRunning", Zombie: "Zombie"}}
	p = daemon.New(s, host.NewSystemd(hosttest.NewMachine(t)), host.NewProcesses(host.Paths{}))
	return p, func() *exec.Cmd {
		command := &exec.Cmd{Path: program, Args: []string{name, "60"}}
		require.NoError(t, command.Start())
		t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
		return command
	}
}

func TestWatch_TellsOfTheEndOfTheMainProcessAndOfTheOneAfterIt(t *testing.T) {
	p, start := real(t)
	told := watch(t, p)
	for range 3 {
		process := start()
		findings, err := p.Probe(t.Context())
		require.NoError(t, err)
		require.Empty(t, findings)
		require.NoError(t, process.Process.Kill())
		await(t, told, "the end of the process")
		_ = process.Wait()
		findings, err = p.Probe(t.Context())
		require.NoError(t, err)
		require.Equal(t, "NotRunning", string(findings[0].Reason))
		require.Empty(t, told)
	}
}

func TestWatch_TellsOfTheUnitAndTheSocket(t *testing.T) {
	var paths host.Paths
	m := newMachine(t, func(s *daemon.Subject) {
		s.WatchSocket = func(ctx context.Context, changed func()) error { return host.FileChanges(ctx, paths, socket, changed) }
	})
	paths = m.paths
	told := watch(t, m.probe)
	require.Eventually(t, func() bool { return m.systemd.Tell(unit) == 1 }, 5*time.Second, time.Millisecond)
	await(t, told, "the unit: whoever subscribed is listening")
	require.Eventually(t, func() bool {
		require.NoError(t, os.WriteFile(paths.At(socket), nil, 0o600))
		require.NoError(t, os.Remove(paths.At(socket)))
		select {
		case <-told:
			return true
		case <-time.After(10 * time.Millisecond):
			return false
		}
	}, 5*time.Second, time.Millisecond)
}

var _ check.Watcher = (*daemon.Probe)(nil)
