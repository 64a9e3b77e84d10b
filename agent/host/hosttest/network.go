package hosttest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// A Conntrack is a table of tracked connections.
type Conntrack struct {
	Count, Max uint64
	Dropped    []uint64 // per CPU
}

// Set writes the kernel's files of it.
func (c Conntrack) Set(t testing.TB, paths host.Paths) {
	t.Helper()
	put(t, paths, "/proc/sys/net/netfilter/nf_conntrack_count", fmt.Sprintln(c.Count))
	put(t, paths, "/proc/sys/net/netfilter/nf_conntrack_max", fmt.Sprintln(c.Max))
	lines := "entries  found insert_failed drop early_drop\n"
	for _, n := range c.Dropped {
		lines += fmt.Sprintf("%08x  00000000 000000ff %08x 00000000\n", c.Count, n)
	}
	put(t, paths, "/proc/thread-self/net/stat/nf_conntrack", lines)
}

// SetResolvConf names the machine's name servers.
func SetResolvConf(t testing.TB, paths host.Paths, servers ...string) {
	t.Helper()
	put(t, paths, "/etc/resolv.conf", "search example\n"+strings.Join(append([]string{""}, servers...), "\nnameserver ")+"\noptions ndots:5\n")
}

func put(t testing.TB, paths host.Paths, file, content string) {
	t.Helper()
	path := paths.At(file)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

// A NameServer answers every question with one code: 0 no error, 2 server failure, 3 no such name, 5 refused. A
// negative one is silence.
type NameServer struct {
	Address string
	Code    atomic.Int32
}

// ServeDNS starts one on loopback.
func ServeDNS(t testing.TB, code int32) *NameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	s := &NameServer{Address: conn.LocalAddr().String()}
	s.Code.Store(code)
	go func() {
		question := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(question)
			if err != nil {
				return
			}
			if code := s.Code.Load(); n >= 12 && code >= 0 {
				_, _ = conn.WriteTo(answerTo(question[:n], byte(code)), from)
			}
		}
	}()
	return s
}

// answerTo is the question with the answer's bits. Without error it carries one name server, a.root, of the root.
func answerTo(question []byte, code byte) []byte {
	answer := append([]byte{}, question[:12]...)
	answer[2], answer[3] = answer[2]|0x80, 0x80|code // an answer, of a server that asks others
	answer[6], answer[7], answer[8], answer[9], answer[10], answer[11] = 0, 0, 0, 0, 0, 0
	end := 12
	for end < len(question) && question[end] != 0 {
		end += int(question[end]) + 1
	}
	end = min(end+5, len(question)) // the root label, type, class
	answer = append(answer, question[12:end]...)
	if code == 0 {
		answer[7] = 1
		answer = append(answer, 0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 60, 0, 8, 1, 'a', 4, 'r', 'o', 'o', 't', 0)
	}
	return answer
}
