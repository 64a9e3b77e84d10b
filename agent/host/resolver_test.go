package host_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
)

func TestResolver_FindsTheHostsServers(t *testing.T) {
	paths := hosttest.NewMachine(t)
	require.NoError(t, os.Mkdir(paths.At("/etc"), 0o755))
	door := host.NewResolver(paths)
	servers, err := door.Servers()
	require.NoError(t, err)
	require.Empty(t, servers, "the host has /etc and no such file")

	hosttest.SetResolvConf(t, paths, "10.0.0.10", "nonsense", "fd00::a", "fe80::1%eth0", "10.0.0.11")
	servers, err = door.Servers()
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.10:53", "[fd00::a]:53", "[fe80::1%eth0]:53"}, servers)
}

func TestResolver_FollowsSymlinksWithinTheHost(t *testing.T) {
	paths := hosttest.NewMachine(t)
	require.NoError(t, os.Mkdir(paths.At("/etc"), 0o755))
	stub := paths.At("/run/systemd/resolve/stub-resolv.conf")
	require.NoError(t, os.MkdirAll(filepath.Dir(stub), 0o755))
	require.NoError(t, os.WriteFile(stub, []byte("nameserver 127.0.0.53\n"), 0o644))
	for _, target := range []string{"/run/systemd/resolve/stub-resolv.conf", "../run/systemd/resolve/stub-resolv.conf"} {
		require.NoError(t, os.Symlink(target, paths.At("/etc/resolv.conf")))
		servers, err := host.NewResolver(paths).Servers()
		require.NoError(t, err)
		require.Equal(t, []string{"127.0.0.53:53"}, servers)
		require.NoError(t, os.Remove(paths.At("/etc/resolv.conf")))
	}
}

func TestResolver_Ask(t *testing.T) {
	door := host.NewResolver(host.Paths{})
	for name, c := range map[string]struct {
		code  int32
		heard bool
		fails bool
	}{
		"an answer":      {0, true, false},
		"server failure": {2, true, true},
		"no such name":   {3, true, true},
		"refused":        {5, true, true},
		"silence":        {-1, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := askDNS(t, door, hosttest.ServeDNS(t, c.code).Address)
			require.NoError(t, err)
			require.Equal(t, c.heard, answer.Heard)
			require.Equal(t, c.fails, answer.Error != "", answer.Error)
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		answer, err := askDNS(t, door, conn.LocalAddr().String())
		require.NoError(t, err)
		require.False(t, answer.Heard)
	})
}

func askDNS(t *testing.T, door *host.Resolver, address string) (host.Answer, error) {
	t.Helper()
	outer, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	asked, done := context.WithTimeout(outer, 300*time.Millisecond)
	defer done()
	return door.Ask(outer, asked, address, ".")
}
