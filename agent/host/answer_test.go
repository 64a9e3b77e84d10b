package host_test

import (
	"context"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
)

const socket = "/run/daemon.sock"

// ways to ask on a socket; all must sort errors alike.
var ways = map[string]func(host.Doors, context.Context, context.Context) error{
	"http": func(d host.Doors, outer, asked context.Context) error {
		_, err := d.HTTP.GetUnix(outer, asked, socket, "/_ping")
		return err
	},
	"cri": func(d host.Doors, outer, asked context.Context) error {
		door := d.CRI(socket)
		defer door.Close() //nolint:errcheck // nothing to lose
		_, err := door.Status(outer, asked)
		return err
	},
}

func TestAsking_SortsHowADaemonFailsToAnswer(t *testing.T) {
	for way, ask := range ways {
		for name, c := range map[string]struct {
			prepare func(*testing.T, host.Paths)
			want    error
		}{
			"accepts and never answers": {func(t *testing.T, p host.Paths) { hosttest.Frozen(t, p, socket) }, host.ErrSilent},
			"its queue is full":         {fillQueue, host.ErrSilent},
			"nobody listens":            {func(t *testing.T, p host.Paths) { hosttest.Dead(t, p, socket) }, host.ErrRefused},
			"no such socket":            {func(*testing.T, host.Paths) {}, host.ErrAbsent},
			"hangs up":                  {hangUp, host.ErrRefused},
		} {
			t.Run(way+" "+name, func(t *testing.T) {
				paths := hosttest.NewMachine(t)
				c.prepare(t, paths)
				asked, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
				require.ErrorIs(t, ask(host.Open(paths), t.Context(), asked), c.want)
			})
		}
	}
}

func TestAsking_OurOwnLackOfTimeIsNoSilence(t *testing.T) {
	for way, ask := range ways {
		paths := hosttest.NewMachine(t)
		hosttest.Frozen(t, paths, socket)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := ask(host.Open(paths), ctx, ctx)
		cancel()
		require.Error(t, err, way)
		require.NotErrorIs(t, err, host.ErrSilent, way)
	}
}

func TestHTTP_AFrozenDaemonIsNotMaskedByAConnectionThatWorked(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.ServeHTTP(t, paths, socket, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("OK")) }))
	doors := host.Open(paths)
	reply, err := doors.HTTP.GetUnix(t.Context(), t.Context(), socket, "/_ping")
	require.NoError(t, err)
	require.Equal(t, host.Reply{Status: 200, Body: "OK"}, reply)

	hosttest.Frozen(t, paths, socket)
	asked, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = doors.HTTP.GetUnix(t.Context(), asked, socket, "/_ping")
	require.ErrorIs(t, err, host.ErrSilent)
}

func TestCRI_FollowsTheRuntime(t *testing.T) {
	paths := hosttest.NewMachine(t)
	server := hosttest.StartCRI(t, paths, socket)
	door := host.NewCRI(paths.At(socket))
	defer door.Close() //nolint:errcheck // nothing to lose
	ask := func() (host.RuntimeStatus, error) {
		asked, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		return door.Status(t.Context(), asked)
	}
	said, err := ask()
	require.NoError(t, err)
	require.Equal(t, host.RuntimeStatus{RuntimeReady: true, NetworkReady: true}, said)

	server.Freeze()
	_, err = ask()
	require.ErrorIs(t, err, host.ErrSilent)
	server.Thaw()
	server.Say(host.RuntimeStatus{RuntimeReason: "Shutdown"}, nil)
	said, err = ask()
	require.NoError(t, err)
	require.False(t, said.RuntimeReady)
	require.Equal(t, "Shutdown", said.RuntimeReason)

	server.Say(host.RuntimeStatus{}, status.Error(codes.Internal, "broken"))
	_, err = ask()
	require.Equal(t, &host.CallError{Code: host.CodeInternal, Message: "broken"}, err)

	server.Kill()
	_, err = ask()
	require.Error(t, err)
	hosttest.StartCRI(t, paths, socket)
	_, err = ask()
	require.NoError(t, err, "it dials again at the next call, with no backoff")
}

func TestCRI_ASocketThatWasRemovedIsMissedThoughTheConnectionWorks(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.StartCRI(t, paths, socket)
	door := host.NewCRI(paths.At(socket))
	defer door.Close() //nolint:errcheck // nothing to lose
	ask := func() error {
		asked, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := door.Status(t.Context(), asked)
		return err
	}
	require.NoError(t, ask())
	require.NoError(t, os.Rename(paths.At(socket), paths.At(socket)+".away"))
	require.ErrorIs(t, ask(), host.ErrAbsent)
	require.NoError(t, os.Rename(paths.At(socket)+".away", paths.At(socket)))
	require.NoError(t, ask())

	require.NoError(t, os.Remove(paths.At(socket)))
	hosttest.Frozen(t, paths, socket) // another one in its place
	require.ErrorIs(t, ask(), host.ErrSilent)
}

func TestCRI_TellsASocketWithoutTheCRI(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.StartGRPC(t, paths, socket)
	_, err := host.NewCRI(paths.At(socket)).Status(t.Context(), t.Context())
	require.ErrorIs(t, err, host.ErrNoCRI)
}

// fillQueue listens with no room: the second connection finds the queue full.
func fillQueue(t *testing.T, paths host.Paths) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	require.NoError(t, unix.Bind(fd, &unix.SockaddrUnix{Name: paths.At(socket)}))
	require.NoError(t, unix.Listen(fd, 0))
	client, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(client) })
	require.NoError(t, unix.Connect(client, &unix.SockaddrUnix{Name: paths.At(socket)}))
}

func hangUp(t *testing.T, paths host.Paths) {
	t.Helper()
	listener := hosttest.Listen(t, paths, socket)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
}
