package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v3/common"
	"github.com/shirou/gopsutil/v3/process"
)

const (
	// searchAgain is how long "there is no such process" is believed of one never found: a search reads a file per
	// process, 100 ms of CPU with 900 of them.
	searchAgain = 10 * time.Second
	// missedFor is how long a process that was found and went is searched for at every call: it may be restarting.
	missedFor = 30 * time.Second
)

// Processes reads the host's process table.
type Processes struct {
	proc string

	mu    sync.Mutex // guards everything below
	found map[string]finding

	reading sync.Mutex // guards what follows
	last    []Process  // the whole table, when it was last read
	read    time.Time  // when reading it began
}

// A finding is what the last search for a name brought.
type finding struct {
	pid      int // 0: none
	started  uint64
	lastSeen time.Time // zero: never
	searched time.Time
}

// NewProcesses prepares the door.
func NewProcesses(paths Paths) *Processes {
	return &Processes{proc: paths.proc(), found: map[string]finding{}}
}

// Find gives the host's process of that name: the kernel's name of it, or the base name of its first argument.
// Processes in a PID namespace of their own, that is in containers, are not the host's. Among several the oldest that is
// no zombie is taken. Absence is ErrNoProcess.
//
// A process once found is read directly as long as it lives under its PID and start time, and searched anew when not.
func (ps *Processes) Find(ctx context.Context, name string) (Process, error) {
	known := ps.known(name)
	if known.pid != 0 {
		p, err := ps.Stat(known.pid)
		if err == nil && p.Started == known.started && !p.IsZombie() {
			ps.remember(name, finding{pid: p.PID, started: p.Started, lastSeen: time.Now(), searched: known.searched})
			return p, nil
		}
	}
	neverFound := known.lastSeen.IsZero() || time.Since(known.lastSeen) > missedFor
	if known.pid == 0 && neverFound && time.Since(known.searched) < searchAgain && !known.searched.IsZero() {
		return Process{}, ErrNoProcess
	}
	p, err := ps.search(ctx, name)
	if err != nil && !errors.Is(err, ErrNoProcess) {
		return Process{}, fmt.Errorf("searching for process %s: %w", name, err)
	}
	next := finding{searched: time.Now(), lastSeen: known.lastSeen}
	if err == nil {
		next.pid, next.started, next.lastSeen = p.PID, p.Started, time.Now()
	}
	ps.remember(name, next)
	return p, err
}

func (ps *Processes) known(name string) finding {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.found[name]
}

func (ps *Processes) remember(name string, f finding) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.found[name] = f
}

// search reads the whole table. The first arguments are read only when no kernel name fits, because reading them can
// hang on a process that is stuck in the kernel.
func (ps *Processes) search(ctx context.Context, name string) (Process, error) {
	ctx = context.WithValue(ctx, common.EnvKey, common.EnvMap{common.HostProcEnvKey: ps.proc})
	pids, err := process.PidsWithContext(ctx)
	if err != nil {
		return Process{}, err
	}
	for _, matches := range []func(int32) bool{
		func(pid int32) bool { return ps.isNamed(ctx, pid, name) },
		func(pid int32) bool { return ps.isCalled(ctx, pid, name) },
	} {
		best, err := Process{}, ErrNoProcess
		for _, pid := range pids {
			if ctx.Err() != nil {
				return Process{}, ctx.Err()
			}
			if !matches(pid) || ps.inContainer(int(pid)) {
				continue
			}
			if p, gone := ps.Stat(int(pid)); gone == nil && (err != nil || isBetter(p, best)) {
				best, err = p, nil
			}
		}
		if err == nil {
			return best, nil
		}
	}
	return Process{}, ErrNoProcess
}

func isBetter(p, than Process) bool {
	if p.IsZombie() != than.IsZombie() {
		return than.IsZombie()
	}
	return p.Started < than.Started
}

// We make the Process ourselves: process.NewProcess would read the boot time for each of them (gopsutil #842).
func (ps *Processes) isNamed(ctx context.Context, pid int32, name string) bool {
	found, err := (&process.Process{Pid: pid}).NameWithContext(ctx)
	return err == nil && found == name
}

func (ps *Processes) isCalled(ctx context.Context, pid int32, name string) bool {
	args, err := (&process.Process{Pid: pid}).CmdlineSliceWithContext(ctx)
	return err == nil && len(args) > 0 && filepath.Base(args[0]) == name
}

// inContainer reads NSpid, the process's ids in its PID namespaces from the host's inwards: a second one means that it
// has a namespace of its own. It needs no privilege, unlike /proc/<pid>/ns.
func (ps *Processes) inContainer(pid int) bool {
	status, err := os.ReadFile(ps.file(pid, "status"))
	if err != nil {
		return false
	}
	for line := range bytes.Lines(status) {
		if ids, found := bytes.CutPrefix(line, []byte("NSpid:")); found {
			return len(bytes.Fields(ids)) > 1
		}
	}
	return false
}

func (ps *Processes) file(pid int, name string) string {
	return filepath.Join(ps.proc, strconv.Itoa(pid), name)
}

// isGone: the directory is gone, or the process ended between open and read.
func isGone(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
