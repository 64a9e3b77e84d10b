package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Identity names one process for ever.
type Identity struct {
	PID    int    `json:"pid"`
	Ticks  uint64 `json:"ticks"`  // start time, in clock ticks since the machine booted
	BootID string `json:"bootID"` // of the machine, so that a reboot ends every identity
}

// ErrEnded is returned when the process is not there any more. Those who stop
// processes take it for success.
var ErrEnded = errors.New("process has ended")

// Identify returns the identity of a process that runs now.
func Identify(pid int) (Identity, error) {
	state, ticks, err := readStat(pid)
	if err != nil {
		return Identity{}, err
	}
	if state == 'Z' || state == 'X' {
		return Identity{}, fmt.Errorf("process %d: %w", pid, ErrEnded)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Identity{}, fmt.Errorf("reading boot id: %w", err)
	}
	return Identity{PID: pid, Ticks: ticks, BootID: strings.TrimSpace(string(boot))}, nil
}

// Alive says whether the process still runs.
func (id Identity) Alive() bool {
	now, err := Identify(id.PID)
	return err == nil && now == id
}

// Open returns a pidfd of the process, or ErrEnded.
func (id Identity) Open() (int, error) {
	if id.PID <= 0 {
		return -1, ErrEnded
	}
	fd, err := unix.PidfdOpen(id.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return -1, ErrEnded
	}
	if err != nil {
		return -1, fmt.Errorf("opening process %d: %w", id.PID, err)
	}
	// The check comes after the open: from here on the number cannot be reused
	// under us.
	if !id.Alive() {
		unix.Close(fd)
		return -1, ErrEnded
	}
	return fd, nil
}

// Signal sends sig to the process and to no other.
func (id Identity) Signal(sig unix.Signal) error {
	fd, err := id.Open()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil {
		return fmt.Errorf("sending %v to process %d: %w", sig, id.PID, err)
	}
	return nil
}

// Kill ends the process and returns when it is gone, or after patience.
func (id Identity) Kill(patience time.Duration) error {
	err := id.Signal(unix.SIGKILL)
	if errors.Is(err, ErrEnded) {
		return nil
	}
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); id.Alive(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d is still there %s after SIGKILL", id.PID, patience)
		}
	}
	return nil
}

// readStat reads state and start time from /proc/PID/stat. The command name in
// the second field may hold blanks and brackets, so fields are counted from the
// last bracket.
func readStat(pid int) (state byte, ticks uint64, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return 0, 0, fmt.Errorf("process %d: %w", pid, ErrEnded)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("looking at process %d: %w", pid, err)
	}
	return parseStat(string(data))
}

func parseStat(stat string) (state byte, ticks uint64, err error) {
	const stateField, startField = 0, 19 // fields 3 and 22 of proc(5)
	_, rest, _ := strings.Cut(stat[strings.LastIndexByte(stat, ')')+1:], " ")
	fields := strings.Fields(rest)
	if len(fields) <= startField {
		return 0, 0, fmt.Errorf("reading process state %q: too few fields", stat)
	}
	ticks, err = strconv.ParseUint(fields[startField], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("reading start time of process: %w", err)
	}
	return fields[stateField][0], ticks, nil
}
