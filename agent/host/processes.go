package host

import (
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
	// searchAgain is how long "there is no such process" is believed of one never found: a search reads two files per
	// process, 40 ms of CPU with 900 of them. Shorter than check.AbsentEvery, so that each look for what is not there searches.
	searchAgain = 8 * time.Second
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

// A finding is what the last search for a process brought.
type finding struct {
	process  Process   // zero: none
	lastSeen time.Time // zero: never
	searched time.Time
}

// isDue says that it is time to search. pause is for what was never found.
func (f finding) isDue(pause time.Duration) bool {
	if !f.lastSeen.IsZero() {
		pause = searchAgain
	}
	return time.Since(f.lastSeen) < missedFor || time.Since(f.searched) >= pause
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
	if now, err := ps.Now(known.process); err == nil && !now.IsZombie() {
		ps.remember(name, finding{process: now, lastSeen: time.Now(), searched: known.searched})
		return now, nil
	}
	if !known.isDue(searchAgain) {
		return Process{}, ErrNoProcess
	}
	found, err := ps.search(ctx, name)
	if err != nil && !errors.Is(err, ErrNoProcess) {
		return Process{}, fmt.Errorf("searching for process %s: %w", name, err)
	}
	known.process, known.searched = found, time.Now()
	if err == nil {
		known.lastSeen = known.searched
	}
	ps.remember(name, known)
	return found, err
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
	table, err := ps.table(ctx)
	if err != nil {
		return Process{}, err
	}
	found, err := pick(ctx, table, func(p Process) bool { return p.Name == name && !ps.inContainer(p.PID) })
	if !errors.Is(err, ErrNoProcess) {
		return found, err
	}
	return pick(ctx, table, func(p Process) bool {
		args, err := ps.Args(p.PID)
		return err == nil && filepath.Base(args[0]) == name && !ps.inContainer(p.PID)
	})
}

// table reads every process. Searches that wait for each other, for the members of one look, share it.
func (ps *Processes) table(ctx context.Context) ([]Process, error) {
	asked := time.Now()
	ps.reading.Lock()
	defer ps.reading.Unlock()
	if ps.read.After(asked) {
		return ps.last, nil
	}
	began := time.Now()
	inside := context.WithValue(ctx, common.EnvKey, common.EnvMap{common.HostProcEnvKey: ps.proc})
	pids, err := process.PidsWithContext(inside) // and no more of it: its Process reads the boot time for each (gopsutil #842)
	if err != nil {
		return nil, err
	}
	table := make([]Process, 0, len(pids))
	for _, pid := range pids {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if p, err := ps.Stat(int(pid)); err == nil {
			table = append(table, p)
		}
	}
	ps.last, ps.read = table, began
	return table, nil
}

// pick gives the best of those that fit: a living one before a zombie, and the older before the younger.
func pick(ctx context.Context, table []Process, fits func(Process) bool) (Process, error) {
	best, err := Process{}, ErrNoProcess
	for _, p := range table {
		if ctx.Err() != nil {
			return Process{}, ctx.Err()
		}
		if (err != nil || isBetter(p, best)) && fits(p) {
			best, err = p, nil
		}
	}
	return best, err
}

func isBetter(p, than Process) bool {
	if p.IsZombie() != than.IsZombie() {
		return than.IsZombie()
	}
	return p.Started < than.Started
}

func (ps *Processes) file(pid int, name string) string {
	return filepath.Join(ps.proc, strconv.Itoa(pid), name)
}

// isGone: the directory is gone, or the process ended between open and read.
func isGone(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
