package hosttest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// ListenTCP lets a process of the machine's table listen on a port, and nobody else on any.
func ListenTCP(t *testing.T, paths host.Paths, pid, port int) {
	t.Helper()
	const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	const line = "%4d: %s %s %s 00000000:00000000 00:00000000 00000000     0        0 %d 1 0000000000000000 100 0 0 10 0\n"
	net := paths.At("/proc/1/net")
	require.NoError(t, os.MkdirAll(net, 0o755))
	established := fmt.Sprintf(line, 1, "0100007F:280A", "0100007F:C350", "01", 4711)
	require.NoError(t, os.WriteFile(filepath.Join(net, "tcp"), []byte(heading+
		fmt.Sprintf(line, 0, "0100007F:0016", "00000000:0000", "0A", 1234)+established), 0o644))
	any6 := "00000000000000000000000000000000"
	require.NoError(t, os.WriteFile(filepath.Join(net, "tcp6"), []byte(heading+
		fmt.Sprintf(line, 0, fmt.Sprintf("%s:%04X", any6, port), any6+":0000", "0A", 77000+pid)), 0o644))

	folder := paths.At("/proc/" + strconv.Itoa(pid) + "/fd")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	_ = os.Remove(filepath.Join(folder, "7"))
	require.NoError(t, os.Symlink(fmt.Sprintf("socket:[%d]", 77000+pid), filepath.Join(folder, "7")))
}
