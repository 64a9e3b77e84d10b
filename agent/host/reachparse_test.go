package host

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseStatus(t *testing.T) {
	for head, want := range map[string]int{"HTTP/1.0 200 OK\r": 200, "HTTP/1.1 503 Ser": 503, "HTTP/1.1 204\r\n": 204} {
		status, err := parseStatus(head)
		require.NoError(t, err)
		require.Equal(t, want, status)
	}
	for _, bad := range []string{"", "SSH-2.0-OpenSSH_", "HTTP/1.1 ", "HTTP/1.1 2x0 OK", "HTTP/1.1 -12", "\x15\x03\x01 200"} {
		_, err := parseStatus(bad)
		require.Error(t, err, "%q", bad)
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add("HTTP/1.1 200 OK")
	f.Fuzz(func(t *testing.T, head string) {
		if status, err := parseStatus(head); err == nil {
			require.GreaterOrEqual(t, status, 100)
		}
	})
}

func FuzzParseResolvConf(f *testing.F) {
	f.Add("nameserver 10.0.0.1\n# x\nnameserver fe80::1%eth0")
	f.Fuzz(func(t *testing.T, text string) { require.LessOrEqual(t, len(parseResolvConf(text)), maxNameservers) })
}
