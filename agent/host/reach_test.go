package host_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

func TestReach_Ask(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	frozen, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer frozen.Close() //nolint:errcheck // a test
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, dead.Close())

	outer, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	asked, done := context.WithTimeout(outer, 300*time.Millisecond)
	defer done()
	var door host.Reach
	echo, err := door.Ask(outer, asked, server.Listener.Addr().String(), "/healthz")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, echo.Status)
	require.NotZero(t, echo.Connected)
	took, err := door.Connect(outer, asked, server.Listener.Addr().String())
	require.NoError(t, err)
	require.NotZero(t, took)
	_, err = door.Ask(outer, asked, dead.Addr().String(), "/healthz")
	require.ErrorIs(t, err, host.ErrRefused)
	_, err = door.Connect(outer, asked, "nosuchname.invalid:80")
	require.ErrorIs(t, err, host.ErrNoName)
	echo, err = door.Ask(outer, asked, frozen.Addr().String(), "/healthz")
	require.ErrorIs(t, err, host.ErrSilent)
	require.NotZero(t, echo.Connected, "its kernel completed the handshake")
}
