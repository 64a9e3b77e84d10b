package host

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// ErrNoProcess says that there is no such process. Checks branch on it: that is an observation.
var ErrNoProcess = errors.New("no such process")

// A Process is one process at one moment. PID and Started together identify it: a PID is used again, a start time is not.
type Process struct {
	PID     int
	Name    string // the kernel's name, at most 15 bytes
	State   byte   // R, S, D, T (stopped), Z (zombie), ...
	Parent  int    // its PID, 0 if the parent is in another PID namespace
	Started uint64 // in clock ticks since boot
}

// IsZombie says that it is dead and not reaped. The kernel shows X for an instant on the way out.
func (p Process) IsZombie() bool { return p.State == 'Z' || p.State == 'X' }

// IsStopped says that it was stopped by a signal or a tracer. Whether that matters is for its answers to show.
func (p Process) IsStopped() bool { return p.State == 'T' || p.State == 't' }

// Is says that both are the same process, at whatever moments.
func (p Process) Is(other Process) bool { return p.PID == other.PID && p.Started == other.Started }

// Now reads a process again. One that has ended is ErrNoProcess, also when its PID is another's by now.
func (ps *Processes) Now(p Process) (Process, error) {
	now, err := ps.Stat(p.PID)
	if err == nil && !now.Is(p) {
		return Process{}, ErrNoProcess
	}
	return now, err
}

// Stat reads one process: one small file, about 10 us.
func (ps *Processes) Stat(pid int) (Process, error) {
	var buffer [1024]byte // a line has 350 bytes, and at most 64 of a name
	raw, err := readSmall(ps.file(pid, "stat"), buffer[:])
	if isGone(err) {
		return Process{}, ErrNoProcess
	}
	if err != nil {
		return Process{}, err
	}
	return parseStat(raw)
}

// parseStat reads /proc/<pid>/stat: "pid (name) state ppid ...". The name may hold spaces and parentheses, so its end
// is the last parenthesis of the line.
func parseStat(raw []byte) (Process, error) {
	open, end := bytes.IndexByte(raw, '('), bytes.LastIndexByte(raw, ')')
	if open < 1 || end < open {
		return Process{}, fmt.Errorf("parsing stat: no name in %q", raw)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(raw[:open])))
	if err != nil || pid < 1 {
		return Process{}, fmt.Errorf("parsing stat: no pid in %q", raw)
	}
	fields := bytes.Fields(raw[end+1:])
	const stateField, parentField, startField = 0, 1, 19 // fields 3, 4 and 22 of proc(5), counted from behind the name
	if len(fields) <= startField || len(fields[stateField]) != 1 {
		return Process{}, fmt.Errorf("parsing stat: %d fields behind the name in %q", len(fields), raw)
	}
	started, err := strconv.ParseUint(string(fields[startField]), 10, 64)
	if err != nil {
		return Process{}, fmt.Errorf("parsing stat: start time: %w", err)
	}
	parent, err := strconv.Atoi(string(fields[parentField]))
	if err != nil {
		return Process{}, fmt.Errorf("parsing stat: parent: %w", err)
	}
	return Process{PID: pid, Name: string(raw[open+1 : end]), State: fields[stateField][0], Parent: parent, Started: started}, nil
}
