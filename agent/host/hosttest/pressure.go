package hosttest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// WriteFile puts a file of the kernel's, or any other, into the machine.
func WriteFile(t testing.TB, paths host.Paths, file, content string) {
	t.Helper()
	path := paths.At(file)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

// SetMemory writes a /proc/meminfo. All that is not available is used by processes.
func SetMemory(t testing.TB, paths host.Paths, total, available uint64) {
	t.Helper()
	const format = "MemTotal: %8d kB\nMemFree: %8d kB\nMemAvailable: %8d kB\nBuffers: 0 kB\nCached: 0 kB\nSwapCached: 0 kB\n" +
		"AnonPages: %8d kB\nInactive(file): 0 kB\nHugePages_Total: 0\n"
	WriteFile(t, paths, "/proc/meminfo", fmt.Sprintf(format, total>>10, available>>10, available>>10, (total-available)>>10))
}

// SetTasks writes how many tasks there are and may be.
func SetTasks(t testing.TB, paths host.Paths, count, limit int) {
	t.Helper()
	WriteFile(t, paths, "/proc/loadavg", fmt.Sprintf("1.36 3.49 4.53 2/%d 3715089\n", count))
	WriteFile(t, paths, "/proc/sys/kernel/pid_max", fmt.Sprintln(limit))
	WriteFile(t, paths, "/proc/sys/kernel/threads-max", "192730\n")
}

// SetStall writes a /proc/pressure file: the shares, in percent, of the last 10 s and 60 s in which all work waited.
func SetStall(t testing.TB, paths host.Paths, resource string, avg10, avg60 float64) {
	t.Helper()
	WriteFile(t, paths, "/proc/pressure/"+resource, fmt.Sprintf(
		"some avg10=%.2f avg60=%.2f avg300=0.00 total=1\nfull avg10=%.2f avg60=%.2f avg300=0.00 total=1\n", avg10, avg60, avg10, avg60))
}
