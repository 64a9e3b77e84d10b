package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
)

// ControlGroups reads the host's control groups, of either version. Names are absolute, with "/" for the root. The
// host's tree must be mounted: a container's own shows nothing but the container.
type ControlGroups struct {
	paths Paths
}

// NewControlGroups prepares the door.
func NewControlGroups(paths Paths) ControlGroups { return ControlGroups{paths: paths} }

const groupsRoot = "/sys/fs/cgroup"

// ErrNoGroup says that there is no such group, or that it has no such controller. Checks branch on it.
var ErrNoGroup = errors.New("no such control group")

// file is the path of one, in the unified tree if the host has one, else in the controller's own.
func (g ControlGroups) file(controller, group, name string) string {
	if g.isUnified() {
		return g.paths.At(path.Join(groupsRoot, group, name))
	}
	return g.paths.At(path.Join(groupsRoot, controller, group, name))
}

func (g ControlGroups) isUnified() bool {
	_, err := os.Lstat(g.paths.At(groupsRoot + "/cgroup.controllers"))
	return err == nil
}

// Mounted says whether the host's control groups can be seen at all.
func (g ControlGroups) Mounted() error {
	entries, err := os.ReadDir(g.paths.At(groupsRoot))
	switch {
	case err != nil:
		return fmt.Errorf("looking for control groups: %w; is the host's %s mounted?", err, groupsRoot)
	case len(entries) == 0:
		return fmt.Errorf("looking for control groups: %s is empty; is the host's mounted?", groupsRoot)
	default:
		return nil
	}
}

// TaskLimit is how many tasks a group may have; limited is false if any number.
func (g ControlGroups) TaskLimit(group string) (limit uint64, limited bool, err error) {
	limit, limited, err = readLimit(g.file("pids", group, "pids.max"))
	return limit, limited, noGroup(err)
}

// Tasks is how many a group has, those of groups below it included.
func (g ControlGroups) Tasks(group string) (uint64, error) {
	tasks, _, err := readLimit(g.file("pids", group, "pids.current"))
	return tasks, noGroup(err)
}

// MemoryUsed is all memory charged to a group and those below it, files included.
func (g ControlGroups) MemoryUsed(group string) (uint64, error) {
	name := "memory.current"
	if !g.isUnified() {
		name = "memory.usage_in_bytes"
	}
	used, _, err := readLimit(g.file("memory", group, name))
	return used, noGroup(err)
}

// IsNested says that what we see as the root of all groups is a group itself: this host is a container, as those of
// kind are, and the memory of its root is not the machine's. The real root of version 2 has no memory.current, and the
// real root of version 1 alone has a release_agent.
func (g ControlGroups) IsNested() (bool, error) {
	name, rootHasIt := "memory.current", false
	if !g.isUnified() {
		name, rootHasIt = "release_agent", true
	}
	_, err := os.Lstat(g.file("memory", "/", name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("looking at the root control group: %w", err)
	}
	return (err == nil) != rootHasIt, nil
}

// WorkingSet is what is used by a group and those below it, without the files that nobody has used of late. The kernel
// gathers it from all groups below, which takes it up to milliseconds: it is for nested roots, see IsNested.
func (g ControlGroups) WorkingSet(group string) (uint64, error) {
	used, err := g.MemoryUsed(group)
	if err != nil {
		return 0, err
	}
	raw, err := os.ReadFile(g.file("memory", group, "memory.stat"))
	if err != nil {
		return 0, noGroup(err)
	}
	field := "inactive_file"
	if !g.isUnified() {
		field = "total_inactive_file"
	}
	inactive, err := parseMemoryStat(raw, field)
	if err != nil {
		return 0, err
	}
	return used - min(used, inactive), nil
}

func parseMemoryStat(raw []byte, field string) (uint64, error) {
	for line := range bytes.Lines(raw) {
		if name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" ")); string(name) == field {
			return strconv.ParseUint(string(value), 10, 64)
		}
	}
	return 0, fmt.Errorf("parsing memory.stat: no %s", field)
}

// noGroup marks what a group that ended says: its files are gone, or its controller is while they are open.
func noGroup(err error) error {
	if errors.Is(err, fs.ErrNotExist) || isGone(err) {
		return errors.Join(ErrNoGroup, err)
	}
	return err
}
