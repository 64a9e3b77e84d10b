package host

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNoListener says that nobody listens on the port. Discovery branches on it.
var ErrNoListener = errors.New("nobody listens there")

// Listener finds the process that listens on a TCP port in the network of the host's first process. It reads the table
// of sockets and every process's descriptors, 20 ms with 900 processes: it is for discovery and not for looks.
//
// Whose descriptors these are is shown to SYS_PTRACE, or to who has every capability that the other process has.
func (ps *Processes) Listener(ctx context.Context, port int) (Process, error) {
	var sockets []string
	for _, table := range []string{"tcp", "tcp6"} {
		found, err := ps.listening(table, port)
		if err != nil {
			return Process{}, fmt.Errorf("looking for who listens on port %d: %w", port, err)
		}
		sockets = append(sockets, found...)
	}
	if len(sockets) == 0 {
		return Process{}, ErrNoListener
	}
	owner, err := ps.holder(ctx, sockets)
	if err != nil {
		return Process{}, fmt.Errorf("looking for who listens on port %d: %w", port, err)
	}
	return owner, nil
}

// listening reads a table up to its first socket that does not listen: the kernel shows those that do first.
func (ps *Processes) listening(table string, port int) ([]string, error) {
	file, err := os.Open(filepath.Join(ps.proc, "1/net", table))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // no IPv6
	}
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // read only
	var sockets []string
	lines := bufio.NewScanner(file)
	lines.Scan() // the heading
	for lines.Scan() {
		inode, listens, isPort := readListener(lines.Bytes(), port)
		if !listens {
			break
		}
		if isPort {
			sockets = append(sockets, "socket:["+inode+"]")
		}
	}
	return sockets, lines.Err()
}

// readListener reads "0: 00000000:280A 00000000:0000 0A ... uid timeout inode ...": local address 1, state 3, inode 9.
func readListener(line []byte, port int) (inode string, listens, isPort bool) {
	const local, state, number = 1, 3, 9
	fields := bytes.Fields(line)
	if len(fields) <= number || string(fields[state]) != "0A" {
		return "", false, false
	}
	_, hex, _ := strings.Cut(string(fields[local]), ":")
	at, err := strconv.ParseUint(hex, 16, 16)
	return string(fields[number]), true, err == nil && int(at) == port
}

// holder is the process that has one of the sockets open. Of a parent and a child that inherited it, the older.
func (ps *Processes) holder(ctx context.Context, sockets []string) (Process, error) {
	table, err := ps.table(ctx)
	if err != nil {
		return Process{}, err
	}
	denied := 0
	owner, err := pick(ctx, table, func(p Process) bool {
		holds, err := ps.holds(p.PID, sockets)
		if errors.Is(err, os.ErrPermission) {
			denied++
		}
		return holds
	})
	switch {
	case !errors.Is(err, ErrNoProcess):
		return owner, err
	case denied > 0:
		return Process{}, fmt.Errorf("the descriptors of %d processes are not shown to us, it takes SYS_PTRACE: %w", denied, os.ErrPermission)
	default:
		return Process{}, ErrNoListener
	}
}

func (ps *Processes) holds(pid int, sockets []string) (bool, error) {
	folder := ps.file(pid, "fd")
	open, err := os.ReadDir(folder)
	if err != nil {
		return false, err
	}
	for _, descriptor := range open {
		target, err := os.Readlink(filepath.Join(folder, descriptor.Name()))
		if errors.Is(err, os.ErrPermission) {
			return false, err // and so are the others
		}
		if err == nil && slices.Contains(sockets, target) {
			return true, nil
		}
	}
	return false, nil
}

// Args is a process's command line. It needs no privilege.
func (ps *Processes) Args(pid int) ([]string, error) {
	raw, err := os.ReadFile(ps.file(pid, "cmdline"))
	if isGone(err) {
		return nil, ErrNoProcess
	}
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimRight(string(raw), "\x00"), "\x00"), nil
}
