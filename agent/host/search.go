package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Pattern says which process is meant when a name is not enough.
type Pattern struct {
	// Names are the kernel's; any of them will do.
	Names []string
	// Args: one of its arguments must be one of these, a leading dash or two aside. Empty: whatever they are.
	Args []string
	// Inner is its PID as it sees itself. 0: any.
	Inner int
}

// A Search looks for one daemon that may run in a container: felix, bird and confd do. A container's process is taken
// for it only if it has the host's network, because anybody may name a process of a pod, and whoever may use the host's
// network may do worse. Like Find it takes the oldest living one, and reads one once found directly.
//
// It is used by one goroutine at a time.
type Search struct {
	processes *Processes
	known     finding
	pause     time.Duration // between searches for one never found
}

// Search prepares a search.
func (ps *Processes) Search() *Search { return &Search{processes: ps} }

// Never found, it is searched for less and less often: the whole table costs 25 ms of CPU with 900 processes.
const searchSoon, searchSeldom = time.Second, time.Minute

// Hurry searches often again for one never found: something has changed that may bring it.
func (s *Search) Hurry() { s.pause = 0 }

// Find gives the process. One that was found and is now a zombie is given as such until another takes its place. Absence
// is ErrNoProcess.
func (s *Search) Find(ctx context.Context, pattern Pattern) (Process, error) {
	now, err := s.processes.Now(s.known.process)
	isHere := err == nil
	if isHere && !now.IsZombie() {
		s.known.process, s.known.lastSeen = now, time.Now()
		return now, nil
	}
	found, err := Process{}, ErrNoProcess
	if s.known.isDue(s.pause) {
		s.known.searched, s.pause = time.Now(), min(max(2*s.pause, searchSoon), searchSeldom)
		found, err = s.processes.match(ctx, pattern)
	}
	switch {
	case err == nil:
		s.known.process, s.known.lastSeen = found, s.known.searched
	case errors.Is(err, ErrNoProcess) && isHere:
		return now, nil
	case !errors.Is(err, ErrNoProcess):
		return Process{}, fmt.Errorf("searching for process %s: %w", pattern.Names[0], err)
	}
	return found, err
}

func (ps *Processes) match(ctx context.Context, pattern Pattern) (Process, error) {
	table, err := ps.table(ctx)
	if err != nil {
		return Process{}, err
	}
	return pick(ctx, table, func(p Process) bool {
		return slices.Contains(pattern.Names, p.Name) && !p.IsZombie() && ps.fits(p.PID, pattern)
	})
}

// fits reads of those few that have the name what costs more.
func (ps *Processes) fits(pid int, pattern Pattern) bool {
	ids := ps.namespaceIDs(pid)
	switch {
	case len(ids) > 1 && !ps.hasHostNetwork(pid):
		return false
	case pattern.Inner != 0 && (len(ids) == 0 || ids[len(ids)-1] != strconv.Itoa(pattern.Inner)):
		return false
	case len(pattern.Args) == 0:
		return true
	}
	args, err := ps.Args(pid)
	return err == nil && slices.ContainsFunc(args, func(arg string) bool {
		return slices.Contains(pattern.Args, strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"))
	})
}

// namespaceIDs are a process's PIDs from the host's namespace inwards.
func (ps *Processes) namespaceIDs(pid int) []string {
	status, err := os.ReadFile(ps.file(pid, "status"))
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(status) {
		if ids, found := bytes.CutPrefix(line, []byte("NSpid:")); found {
			return strings.Fields(string(ids))
		}
	}
	return nil
}

// hasHostNetwork compares files of /proc that every network namespace has one of. Unlike /proc/<pid>/ns they can be read
// without a privilege.
func (ps *Processes) hasHostNetwork(pid int) bool {
	its, err := os.Stat(filepath.Join(ps.file(pid, "net"), "dev"))
	if err != nil {
		return false
	}
	hosts, err := os.Stat(filepath.Join(ps.file(1, "net"), "dev"))
	return err == nil && os.SameFile(its, hosts)
}

// inContainer: it has a PID namespace of its own. Asking takes no privilege, unlike reading /proc/<pid>/ns.
func (ps *Processes) inContainer(pid int) bool { return len(ps.namespaceIDs(pid)) > 1 }

// IsContainerInit says that a process is the first of its container, which ends with it.
func (ps *Processes) IsContainerInit(pid int) bool {
	ids := ps.namespaceIDs(pid)
	return len(ids) > 1 && ids[len(ids)-1] == "1"
}

// Age is how long ago the process started.
func (p Process) Age() time.Duration {
	const ticks = 100 // a second, to user space, whatever the kernel was built with
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano()) - time.Duration(p.Started)*time.Second/ticks
}
