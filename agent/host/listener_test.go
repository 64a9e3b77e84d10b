package host_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
)

func TestListener_IsFoundByItsSocket(t *testing.T) {
	paths := hosttest.NewMachine(t)
	processes := host.NewProcesses(paths)
	_, err := processes.Listener(t.Context(), 10250)
	require.ErrorIs(t, err, host.ErrNoListener, "no table at all")

	hosttest.Process{PID: 40, Name: "kubelet", Args: []string{"/usr/bin/kubelet", "--v=2"}}.Add(t, paths)
	hosttest.Process{PID: 41, Name: "child", Started: 999}.Add(t, paths)
	hosttest.ListenTCP(t, paths, 40, 10250)
	inherited := paths.At("/proc/41/fd")
	require.NoError(t, os.MkdirAll(inherited, 0o755))
	require.NoError(t, os.Symlink("socket:[77040]", filepath.Join(inherited, "3")))

	got, err := processes.Listener(t.Context(), 10250)
	require.NoError(t, err)
	require.Equal(t, 40, got.PID, "the older, who opened it")
	args, err := processes.Args(40)
	require.NoError(t, err)
	require.Equal(t, []string{"/usr/bin/kubelet", "--v=2"}, args)
	_, err = processes.Args(99)
	require.ErrorIs(t, err, host.ErrNoProcess)

	_, err = processes.Listener(t.Context(), 4711)
	require.ErrorIs(t, err, host.ErrNoListener)
	_, err = processes.Listener(t.Context(), 0x280A+1)
	require.ErrorIs(t, err, host.ErrNoListener)
}

func BenchmarkListener(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer listener.Close() //nolint:errcheck // a benchmark
	processes := host.NewProcesses(host.Paths{})
	b.ReportAllocs()
	for b.Loop() {
		_, _ = processes.Listener(b.Context(), listener.Addr().(*net.TCPAddr).Port)
	}
}
