package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Hierarchy is one mounted tree of control groups.
type Hierarchy struct {
	Path    string `json:"path"`    // where the machine mounted it
	Type    string `json:"type"`    // cgroup or cgroup2
	Options string `json:"options"` // what mounts it again: "cpu,cpuacct" or "none,name=systemd"
}

// Name is the folder below /sys/fs/cgroup a node mounts the hierarchy at.
func (h Hierarchy) Name() string {
	if h.Type == "cgroup2" {
		return "unified"
	}
	if _, name, ok := strings.Cut(h.Options, "name="); ok {
		return name
	}
	return h.Options
}

// Controllers are the resources the hierarchy bounds.
func (h Hierarchy) Controllers() []string {
	if h.Type == "cgroup2" || strings.Contains(h.Options, "name=") {
		return nil
	}
	return strings.Split(h.Options, ",")
}

// Required are the v1 controllers a kubelet and runc cannot do without, and
// freezer for freezing a whole node.
var Required = []string{"blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"}

// Mounted lists the machine's hierarchies.
func Mounted() ([]Hierarchy, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("listing cgroup hierarchies: %w", err)
	}
	return parse(string(data)), nil
}

// Missing returns what of Required, and of systemd's own hierarchy, is not there.
func Missing(all []Hierarchy) []string {
	var have []string
	for _, h := range all {
		have = append(have, h.Controllers()...)
		have = append(have, h.Name())
	}
	var missing []string
	for _, name := range append(slices.Clone(Required), "systemd") {
		if !slices.Contains(have, name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// parse reads mountinfo as in proc(5): the fields after " - " are type, source
// and the options of the file system.
func parse(mountinfo string) []Hierarchy {
	var all []Hierarchy
	for line := range strings.Lines(mountinfo) {
		place, system, ok := strings.Cut(strings.TrimSpace(line), " - ")
		fields, options := strings.Fields(place), strings.Fields(system)
		if !ok || len(fields) < 5 || len(options) < 3 {
			continue
		}
		h := Hierarchy{Path: fields[4], Type: options[0]}
		switch h.Type {
		case "cgroup":
			h.Options = v1Options(options[2])
		case "cgroup2":
		default:
			continue
		}
		if !slices.ContainsFunc(all, func(o Hierarchy) bool { return o.Name() == h.Name() }) {
			all = append(all, h)
		}
	}
	return all
}

// v1Options keeps of "rw,cpu,cpuacct" what names the hierarchy.
func v1Options(super string) string {
	var kept []string
	for option := range strings.SplitSeq(super, ",") {
		switch {
		case strings.HasPrefix(option, "name="):
			return "none," + option
		case slices.Contains([]string{"rw", "ro", "xattr", "clone_children", "noprefix"}, option), strings.HasPrefix(option, "release_agent="):
		default:
			kept = append(kept, option)
		}
	}
	return strings.Join(kept, ",")
}

func (h Hierarchy) group(names ...string) string {
	return filepath.Join(append([]string{h.Path, parent}, names...)...)
}
