package cgroup

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Freeze stops every process of a node between two instructions. It returns the
// moment it asked for that, once the kernel says that all have stopped.
func Freeze(all []Hierarchy, node string) (time.Time, error) {
	return setFreezer(all, node, "FROZEN")
}

// Thaw lets them go on.
func Thaw(all []Hierarchy, node string) (time.Time, error) {
	return setFreezer(all, node, "THAWED")
}

func setFreezer(all []Hierarchy, node, want string) (time.Time, error) {
	i := slices.IndexFunc(all, func(h Hierarchy) bool { return slices.Contains(h.Controllers(), "freezer") })
	if i < 0 {
		return time.Time{}, errors.New("setting freezer: the machine has no freezer hierarchy")
	}
	file := all[i].group(node, "freezer.state")
	asked := time.Now()
	for deadline := asked.Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		// Written again each time: a process that forks while it is frozen may
		// leave the group in FREEZING until it is told once more.
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			return asked, fmt.Errorf("setting freezer: %w", err)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			return asked, fmt.Errorf("reading freezer: %w", err)
		}
		if strings.TrimSpace(string(got)) == want {
			return asked, nil
		}
		if time.Now().After(deadline) {
			return asked, fmt.Errorf("setting freezer of %s: still %s, not %s", node, strings.TrimSpace(string(got)), want)
		}
	}
}
