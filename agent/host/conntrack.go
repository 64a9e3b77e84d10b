package host

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNoConntrack says that this kernel tracks no connections. Checks branch on it: there is no table to be full.
var ErrNoConntrack = errors.New("the kernel tracks no connections")

const (
	conntrackCount = "/proc/sys/net/netfilter/nf_conntrack_count"
	conntrackMax   = "/proc/sys/net/netfilter/nf_conntrack_max"
	// conntrackStat is our thread's: /proc/net is that of the process's first thread.
	conntrackStat = "/proc/thread-self/net/stat/nf_conntrack"
)

// Conntrack reads the kernel's table of connections. Whose /proc it is does not matter for /proc/sys/net: the kernel
// shows the network namespace of whoever reads.
type Conntrack struct {
	count, max, stat string
}

// NewConntrack prepares the door.
func NewConntrack(paths Paths) *Conntrack {
	return &Conntrack{count: paths.At(conntrackCount), max: paths.At(conntrackMax), stat: paths.At(conntrackStat)}
}

// Room is how many connections are tracked, and how many may be; 0: without limit.
func (c *Conntrack) Room() (count, limit uint64, err error) {
	if count, err = readNumber(c.count); err == nil {
		limit, err = readNumber(c.max)
	}
	if errors.Is(err, os.ErrNotExist) {
		return 0, 0, ErrNoConntrack
	}
	return count, limit, about("reading conntrack", err)
}

// Dropped is how many packets were lost so far because their connection could not be tracked, in this network namespace.
func (c *Conntrack) Dropped() (uint64, error) {
	raw, err := os.ReadFile(c.stat)
	if err != nil {
		return 0, fmt.Errorf("reading conntrack's counters: %w", err)
	}
	return parseDropped(raw)
}

// parseDropped sums one column over the lines, one per CPU, of hexadecimal numbers. Older kernels have other columns
// before it, so it is found by its name.
func parseDropped(raw []byte) (sum uint64, err error) {
	head, rest, _ := bytes.Cut(raw, []byte("\n"))
	column := -1
	for i, name := range strings.Fields(string(head)) {
		if name == "drop" {
			column = i
		}
	}
	if column < 0 {
		return 0, fmt.Errorf("parsing conntrack's counters: no column drop in %q", head)
	}
	for line := range bytes.Lines(rest) {
		fields := bytes.Fields(line)
		if len(fields) <= column {
			return 0, fmt.Errorf("parsing conntrack's counters: %d columns in %q", len(fields), line)
		}
		n, err := strconv.ParseUint(string(fields[column]), 16, 64)
		if err != nil {
			return 0, fmt.Errorf("parsing conntrack's counters: %w", err)
		}
		sum += n
	}
	return sum, nil
}

// readNumber reads a file that holds one, without what os.ReadFile adds for files of unknown size.
func readNumber(path string) (uint64, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	defer unix.Close(fd) //nolint:errcheck // only read
	var buffer [32]byte
	n, err := unix.Read(fd, buffer[:])
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	number, err := strconv.ParseUint(string(bytes.TrimSpace(buffer[:n])), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return number, nil
}
