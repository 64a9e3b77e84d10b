package hosttest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// A Process is one line of the process table.
type Process struct {
	PID         int
	Name        string // the kernel's
	State       byte   // default S
	Started     int    // default the PID
	Parent      int    // default 1
	Args        []string
	InContainer bool // has a PID namespace of its own
	Inner       int  // its PID there, default 1
	HostNetwork bool // shares the network of process 1
}

// Add puts a process into the machine's process table, or changes it.
func (p Process) Add(t testing.TB, paths host.Paths) {
	t.Helper()
	if p.State == 0 {
		p.State = 'S'
	}
	if p.Started == 0 {
		p.Started = p.PID
	}
	p.Parent = max(p.Parent, 1)
	ids := strconv.Itoa(p.PID)
	if p.InContainer {
		ids += "\t" + strconv.Itoa(max(p.Inner, 1))
	}
	p.write(t, paths, "stat", Stat(p.PID, p.Name, p.State, p.Parent, p.Started))
	p.write(t, paths, "status", fmt.Sprintf("Name:\t%s\nState:\t%c (x)\nPid:\t%d\nNSpid:\t%s\n", p.Name, p.State, p.PID, ids))
	p.write(t, paths, "cmdline", strings.Join(append(p.Args, ""), "\x00"))
	p.writeNetwork(t, paths)
}

// writeNetwork gives it a file of its network namespace: process 1's, or one of its own.
func (p Process) writeNetwork(t testing.TB, paths host.Paths) {
	t.Helper()
	Process{PID: 1}.write(t, paths, "net/dev", "")
	its := paths.At(filepath.Join("/proc", strconv.Itoa(p.PID), "net/dev"))
	if !p.HostNetwork {
		p.write(t, paths, "net/dev", "")
		return
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(its), 0o755))
	_ = os.Remove(its)
	require.NoError(t, os.Link(paths.At("/proc/1/net/dev"), its))
}

func (p Process) write(t testing.TB, paths host.Paths, name, content string) {
	t.Helper()
	path := paths.At(filepath.Join("/proc", strconv.Itoa(p.PID), name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

// Reap removes a process from the table.
func Reap(t testing.TB, paths host.Paths, pid int) {
	t.Helper()
	require.NoError(t, os.RemoveAll(paths.At(filepath.Join("/proc", strconv.Itoa(pid)))))
}

// Stat is a line as in /proc/<pid>/stat of Linux 6.
func Stat(pid int, name string, state byte, parent, started int) string {
	return fmt.Sprintf("%d (%s) %c %d 1 1 0 -1 4194560 100 0 0 0 10 20 0 0 20 0 12 0 %d 1000000 2000 18446744073709551615 "+
		"1 1 0 0 0 0 0 0 2143420159 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n", pid, name, state, parent, started)
}
