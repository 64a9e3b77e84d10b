package hosttest

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// NewMachine makes an empty machine: no systemd, no process, no socket. Its path is short, because the name of a unix
// socket may have only 107 bytes.
func NewMachine(t testing.TB) host.Paths {
	t.Helper()
	root, err := os.MkdirTemp("", "m")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	for _, dir := range []string{"proc", "run"} {
		require.NoError(t, os.Mkdir(filepath.Join(root, dir), 0o755))
	}
	return host.Paths{Root: root}
}

// Listen listens on a socket of the machine until the test ends.
func Listen(t testing.TB, paths host.Paths, socket string) net.Listener {
	t.Helper()
	path := paths.At(socket)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	_ = os.Remove(path) // what a killed daemon left behind
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// Frozen is a socket of a daemon stopped by SIGSTOP: the kernel accepts for it, and nobody answers.
func Frozen(t testing.TB, paths host.Paths, socket string) {
	t.Helper()
	Listen(t, paths, socket)
}

// Dead is a socket that a killed daemon left behind: it refuses.
func Dead(t testing.TB, paths host.Paths, socket string) {
	t.Helper()
	listener := Listen(t, paths, socket)
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, listener.Close())
}

// ServeHTTP answers on a socket of the machine.
func ServeHTTP(t testing.TB, paths host.Paths, socket string, handler http.Handler) {
	t.Helper()
	server := &http.Server{Handler: handler} //nolint:gosec // for a test
	listener := Listen(t, paths, socket)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
}
