package hosttest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// A Switch is an Open vSwitch of which only what host.OVS asks for is served.
type Switch struct {
	t      testing.TB
	paths  host.Paths
	runDir string

	mu       sync.Mutex // guards everything below
	database host.OVSDatabase
}

// StartSwitch serves ovs-vswitchd with PID 50 and ovsdb-server with PID 51, and puts both into the process table.
func StartSwitch(t testing.TB, paths host.Paths, runDir string) *Switch {
	t.Helper()
	s := &Switch{t: t, paths: paths, runDir: runDir}
	for name, pid := range map[string]int{"ovs-vswitchd": 50, "ovsdb-server": 51} {
		Process{PID: pid, Name: name}.Add(t, paths)
		serve(t, paths, path.Join(runDir, fmt.Sprintf("%s.%d.ctl", name, pid)), s.control)
		require.NoError(t, os.WriteFile(paths.At(path.Join(runDir, name+".pid")), fmt.Appendln(nil, pid), 0o644))
	}
	serve(t, paths, path.Join(runDir, "db.sock"), s.data)
	return s
}

// Set says what is in the database.
func (s *Switch) Set(d host.OVSDatabase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.database = d
}

func (s *Switch) control(conn io.ReadWriter) {
	if json.NewDecoder(conn).Decode(&struct{}{}) == nil {
		_, _ = io.WriteString(conn, `{"error":null,"id":0,"result":"ovs (Open vSwitch) 3.1.0"}`)
	}
}

func (s *Switch) data(conn io.ReadWriter) {
	if json.NewDecoder(conn).Decode(&struct{}{}) == nil {
		_, _ = fmt.Fprintf(conn, `{"error":null,"id":0,"result":%s}`, s.rows())
	}
}

func (s *Switch) rows() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	bridges := ""
	for range s.database.KernelBridges {
		bridges += `{"datapath_type":"system"},`
	}
	return fmt.Sprintf(`[{"rows":[{"cur_cfg":%d,"next_cfg":%d}]},{"rows":[%s{"datapath_type":"netdev"}]}]`,
		s.database.CurrentConfig, s.database.NextConfig, bridges)
}

// serve answers every connection to a socket of the machine until the test ends.
func serve(t testing.TB, paths host.Paths, socket string, answer func(io.ReadWriter)) {
	t.Helper()
	listener := Listen(t, paths, socket)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func(conn net.Conn) {
				defer conn.Close() //nolint:errcheck // a fake
				answer(conn)
			}(conn)
		}
	}()
}
