package host_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
)

const soon, often = 5 * time.Second, time.Millisecond

// sleeper is a real process of ours.
func sleeper(t *testing.T) (*exec.Cmd, host.Process) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "sleep", "60")
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	p, err := host.NewProcesses(host.Paths{}).Stat(command.Process.Pid)
	require.NoError(t, err)
	return command, p
}

func TestExited_TellsWhenAProcessEndsEvenUnreaped(t *testing.T) {
	command, p := sleeper(t)
	ended := make(chan error, 1)
	go func() { ended <- host.NewProcesses(host.Paths{}).Exited(t.Context(), p) }()
	select {
	case err := <-ended:
		t.Fatalf("it lives: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, command.Process.Kill()) // and nobody waits for it: a zombie
	require.NoError(t, <-ended)
	now, err := host.NewProcesses(host.Paths{}).Stat(p.PID)
	require.NoError(t, err)
	require.True(t, now.IsZombie())
}

func TestExited_AnotherProcessUnderThePIDIsNotTheOneMeant(t *testing.T) {
	_, p := sleeper(t)
	p.Started--
	require.ErrorIs(t, host.NewProcesses(host.Paths{}).Exited(t.Context(), p), host.ErrNoProcess)
}

func TestExited_AProcessThatWasReapedIsNoProcess(t *testing.T) {
	command, p := sleeper(t)
	require.NoError(t, command.Process.Kill())
	_ = command.Wait()
	require.ErrorIs(t, host.NewProcesses(host.Paths{}).Exited(t.Context(), p), host.ErrNoProcess)
}

func TestExited_EndsWithItsContext(t *testing.T) {
	_, p := sleeper(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- host.NewProcesses(host.Paths{}).Exited(ctx, p) }()
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

// counted runs a watch and counts what it tells.
func counted(t *testing.T, watch func(ctx context.Context, changed func()) error) (told <-chan struct{}, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	events, end := make(chan struct{}, 1000), make(chan error, 1)
	go func() { end <- watch(ctx, func() { events <- struct{}{} }) }()
	return events, end
}

func awaitEvent(t *testing.T, told <-chan struct{}) {
	t.Helper()
	select {
	case <-told:
	case <-time.After(soon):
		t.Fatal("nobody was told")
	}
}

// watched repeats an act until the watch, which takes a moment to begin, tells of it.
func watched(t *testing.T, told <-chan struct{}, act func()) {
	t.Helper()
	require.Eventually(t, func() bool {
		act()
		select {
		case <-told:
			return true
		case <-time.After(10 * time.Millisecond):
			return false
		}
	}, soon, often)
}

func TestFileChanges_TellsOfTheOneFile(t *testing.T) {
	paths := hosttest.NewMachine(t)
	folder := paths.At("/run/d")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	told, ended := counted(t, func(ctx context.Context, changed func()) error {
		return host.FileChanges(ctx, paths, "/run/d/d.sock", changed)
	})
	file := filepath.Join(folder, "d.sock")
	watched(t, told, func() { require.NoError(t, os.WriteFile(file, nil, 0o600)); require.NoError(t, os.Remove(file)) })
	for len(told) > 0 {
		<-told
	}
	for range 10 {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "other"), nil, 0o600))
		require.NoError(t, os.Remove(filepath.Join(folder, "other")))
	}
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	awaitEvent(t, told)
	require.Empty(t, told, "what is not the file is not told")

	require.NoError(t, os.RemoveAll(folder))
	require.Error(t, <-ended, "without the folder nothing can be watched")
	awaitEvent(t, told)
}

func TestFileChanges_WithoutAFolderIsAnError(t *testing.T) {
	paths := hosttest.NewMachine(t)
	err := host.FileChanges(t.Context(), paths, "/run/none/d.sock", func() {})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "watching /run/none")
}

func TestChanges_TellsOfTheOneUnit(t *testing.T) {
	for _, way := range []string{hosttest.BusSocket, hosttest.PrivateSocket} {
		t.Run(filepath.Base(way), func(t *testing.T) {
			paths := hosttest.NewMachine(t)
			systemd := hosttest.StartSystemdAt(t, paths, way)
			door := host.NewSystemd(paths)
			told, ended := counted(t, func(ctx context.Context, changed func()) error { return door.Changes(ctx, "kubelet.service", changed) })
			awaitEvent(t, told) // it listens
			require.Equal(t, 1, systemd.Tell("other.service"), "no bus of ours filters it")
			systemd.Tell("kubelet.service")
			awaitEvent(t, told)
			require.Empty(t, told)

			systemd.Stop(way)
			require.Error(t, <-ended, "it can no longer be told")
		})
	}
}

// What bounds the dialing must not end the listening.
func TestChanges_ListensForLongerThanItDials(t *testing.T) {
	paths := hosttest.NewMachine(t)
	systemd := hosttest.StartSystemd(t, paths)
	door := host.NewSystemd(paths)
	told, ended := counted(t, func(ctx context.Context, changed func()) error { return door.Changes(ctx, "kubelet.service", changed) })
	awaitEvent(t, told) // it listens
	select {
	case err := <-ended:
		t.Fatalf("it stopped listening: %v", err)
	case <-time.After(6 * time.Second): // dialing has 5 s
	}
	require.Equal(t, 1, systemd.Tell("kubelet.service"))
	awaitEvent(t, told)
}

func TestChanges_WithoutSystemdIsNotApplicable(t *testing.T) {
	paths := hosttest.NewMachine(t)
	require.ErrorIs(t, host.NewSystemd(paths).Changes(t.Context(), "kubelet.service", func() {}), host.ErrNoSystemd)
}
