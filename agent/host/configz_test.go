package host

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// aKubelet serves configz with a certificate nobody knows, and notes what it was shown.
func aKubelet(t *testing.T, status int) (door *Configz, shown *string) {
	t.Helper()
	shown = new(string)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*shown = r.URL.Path + " " + r.Header.Get("Authorization")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"kubeletconfig":{}}`))
	}))
	t.Cleanup(server.Close)
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("secret\n"), 0o600))
	door = NewConfigz(server.URL, token)
	door.root = uint32(os.Getuid()) // tests need not be root
	return door, shown
}

func getConfigz(t *testing.T, door *Configz) (string, error) {
	t.Helper()
	outer, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	asked, cancel := context.WithTimeout(outer, time.Second)
	defer cancel()
	raw, err := door.Get(outer, asked)
	return string(raw), err
}

func TestConfigz_AsksWithOurToken(t *testing.T) {
	door, shown := aKubelet(t, http.StatusOK)
	raw, err := getConfigz(t, door)
	require.NoError(t, err)
	require.JSONEq(t, `{"kubeletconfig":{}}`, raw)
	require.Equal(t, "/configz Bearer secret", *shown)
}

func TestConfigz_ShowsTheTokenToNobodyButRoot(t *testing.T) {
	door, shown := aKubelet(t, http.StatusOK)
	door.root++
	_, err := getConfigz(t, door)
	require.ErrorIs(t, err, ErrNotRoots)
	require.Empty(t, *shown)
}

func TestConfigz_SaysHowTheKubeletFailed(t *testing.T) {
	door, _ := aKubelet(t, http.StatusForbidden)
	_, err := getConfigz(t, door)
	require.ErrorIs(t, err, StatusError(403))

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	door.address = "https://" + silent.Addr().String()
	_, err = getConfigz(t, door)
	require.ErrorIs(t, err, ErrSilent)

	require.NoError(t, silent.Close())
	_, err = getConfigz(t, door)
	require.ErrorIs(t, err, ErrRefused)

	door.token = "/nowhere"
	_, err = getConfigz(t, door)
	require.ErrorContains(t, err, "reading our token")
}

func TestSocketOwner_FindsTheOtherEnd(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::]:0", "[::1]:0"} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue // no IPv6 here
		}
		conn, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(t, err)
		accepted, err := listener.Accept()
		require.NoError(t, err)
		near, far := netip.MustParseAddrPort(conn.LocalAddr().String()), netip.MustParseAddrPort(conn.RemoteAddr().String())
		owner, err := socketOwner(far, near)
		require.NoError(t, err, address)
		require.Equal(t, uint32(os.Getuid()), owner)
		_, err = socketOwner(far, netip.AddrPortFrom(near.Addr(), 1))
		require.ErrorIs(t, err, ErrNoSocket)
		require.NoError(t, conn.Close())
		require.NoError(t, accepted.Close())
		require.NoError(t, listener.Close())
	}
}

func TestSocketOwner_FindsAnIPv4CallerOfAListenerForBoth(t *testing.T) {
	listener, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	defer listener.Close() //nolint:errcheck // a test
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	conn, err := net.Dial("tcp4", "127.0.0.1:"+port)
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // a test
	accepted, err := listener.Accept()
	require.NoError(t, err)
	defer accepted.Close() //nolint:errcheck // a test
	owner, err := socketOwner(netip.MustParseAddrPort(conn.RemoteAddr().String()), netip.MustParseAddrPort(conn.LocalAddr().String()))
	require.NoError(t, err)
	require.Equal(t, uint32(os.Getuid()), owner)
}

func FuzzReadSocket(f *testing.F) {
	f.Add("0: 0100007F:280A 0100007F:CAFE 01 00000000:00000000 00:00000000 00000000 0 0 12345", "0100007F:280A", "0100007F:CAFE")
	f.Fuzz(func(t *testing.T, line, local, remote string) {
		if owner, found, err := readSocket(line, local, remote); err != nil || !found {
			require.Zero(t, owner)
		}
	})
}
