package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// All returns the numbers of all processes that can be seen, in no order.
func All() []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// InNamespace returns the processes that are in the namespace which file stands
// for, such as /run/netns/NAME; kind is the name below /proc/PID/ns.
func InNamespace(file, kind string) ([]Identity, error) {
	var want unix.Stat_t
	if err := unix.Stat(file, &want); err != nil {
		return nil, fmt.Errorf("looking at namespace %s: %w", file, err)
	}
	var found []Identity
	for _, pid := range All() {
		var got unix.Stat_t
		if unix.Stat(fmt.Sprintf("/proc/%d/ns/%s", pid, kind), &got) != nil {
			continue // ended meanwhile
		}
		if got.Ino != want.Ino || got.Dev != want.Dev {
			continue
		}
		if id, err := Identify(pid); err == nil {
			found = append(found, id)
		}
	}
	return found, nil
}

// Inside finds the process that has number inner in the PID namespace of init.
func Inside(init Identity, inner int) (Identity, error) {
	members, err := InNamespace(fmt.Sprintf("/proc/%d/ns/pid", init.PID), "pid")
	if err != nil {
		return Identity{}, err
	}
	for _, member := range members {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", member.PID))
		if err == nil && innermost(string(status)) == inner {
			return member, nil
		}
	}
	return Identity{}, fmt.Errorf("finding process %d of the node: %w", inner, ErrEnded)
}

// innermost reads the last number of the NSpid line: the process's number in
// the namespace it lives in.
func innermost(status string) int {
	lines := strings.Split(status, "\n")
	i := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "NSpid:") })
	if i < 0 {
		return 0
	}
	numbers := strings.Fields(lines[i])
	pid, err := strconv.Atoi(numbers[len(numbers)-1])
	if err != nil {
		return 0
	}
	return pid
}
