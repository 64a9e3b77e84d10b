package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const parent = "bulkhead-test"

// Make makes the groups of a node.
func Make(all []Hierarchy, node string) error {
	for _, h := range all {
		if err := os.MkdirAll(h.group(), 0o755); err != nil {
			return fmt.Errorf("making cgroup of %s: %w", node, err)
		}
		if slices.Contains(h.Controllers(), "cpuset") {
			if err := inheritCPUs(h); err != nil {
				return err
			}
		}
		if err := os.MkdirAll(h.group(node), 0o755); err != nil {
			return fmt.Errorf("making cgroup of %s: %w", node, err)
		}
	}
	return nil
}

// inheritCPUs fills in the parent's cpuset, which starts empty in cgroup v1 and
// would let no process in. clone_children hands it on to all groups below.
func inheritCPUs(h Hierarchy) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(h.Path, file))
		if err != nil {
			return fmt.Errorf("reading %s: %w", file, err)
		}
		if err := os.WriteFile(h.group(file), value, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
	}
	if err := os.WriteFile(h.group("cgroup.clone_children"), []byte("1"), 0o644); err != nil {
		return fmt.Errorf("writing cgroup.clone_children: %w", err)
	}
	return nil
}

// Join moves the calling process into the groups of a node.
func Join(all []Hierarchy, node string) error {
	for _, h := range all {
		// 0 stands for the writer, which may not know its number on the machine.
		if err := os.WriteFile(h.group(node, "cgroup.procs"), []byte("0"), 0o644); err != nil {
			return fmt.Errorf("joining cgroup %s: %w", h.group(node), err)
		}
	}
	return nil
}

// Members returns the processes in the groups of a node and below, or of all
// nodes if node is empty.
func Members(all []Hierarchy, node string) []int {
	var pids []int
	for _, h := range all {
		filepath.WalkDir(h.group(node), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return nil //nolint:nilerr // ended meanwhile
			}
			data, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
			for field := range strings.FieldsSeq(string(data)) {
				if pid, err := strconv.Atoi(field); err == nil && !slices.Contains(pids, pid) {
					pids = append(pids, pid)
				}
			}
			return nil
		})
	}
	return pids
}

// Remove removes the groups of a node, or all of ours if node is empty. They
// hold no processes any more, but the kernel may take a moment to agree.
func Remove(all []Hierarchy, node string, patience time.Duration) error {
	var errs []error
	for _, h := range all {
		deadline := time.Now().Add(patience)
		err := removeTree(h.group(node))
		for ; err != nil && time.Now().Before(deadline); err = removeTree(h.group(node)) {
			time.Sleep(10 * time.Millisecond)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("removing cgroup: %w", err))
		}
	}
	return errors.Join(errs...)
}

// removeTree removes folders from the bottom up. The files in them are the
// kernel's and go with their folder.
func removeTree(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(filepath.Join(path, entry.Name())); err != nil {
				return err
			}
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Nodes lists the nodes that have groups now.
func Nodes(all []Hierarchy) []string {
	var nodes []string
	for _, h := range all {
		entries, _ := os.ReadDir(h.group())
		for _, entry := range entries {
			if entry.IsDir() && !slices.Contains(nodes, entry.Name()) {
				nodes = append(nodes, entry.Name())
			}
		}
	}
	return nodes
}
