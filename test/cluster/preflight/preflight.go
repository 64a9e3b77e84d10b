// Package preflight says whether this machine can host a cluster, and what would
// help if it cannot.
//
// Kernel features are tried rather than looked up, in namespaces that end with
// the thread that made them.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/bulkhead-dev/bulkhead/test/cluster/cgroup"
)

// Check returns every reason why a cluster of that many nodes cannot run here,
// or nil.
func Check(ctx context.Context, nodes int) error {
	if os.Geteuid() != 0 {
		return errors.New("a test cluster needs root, for namespaces and control groups: call it with sudo")
	}
	// Without these every other attempt fails too, and blames the kernel.
	if err := capabilities(); err != nil {
		return err
	}
	return errors.Join(
		programs(),
		fileSystems(),
		controlGroups(),
		networking(ctx),
		memory(nodes),
	)
}

// programs are those the cluster runs from the machine.
func programs() error {
	var missing []string
	for _, name := range []string{"ip", "nft", "tc", "systemctl", "dbus-daemon", "/lib/systemd/systemd"} {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("programs are missing: %s; `cluster build` installs them", strings.Join(missing, ", "))
}

func fileSystems() error {
	data, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return fmt.Errorf("listing file systems: %w", err)
	}
	known := strings.Fields(string(data))
	var errs []error
	for _, want := range []string{"overlay", "tmpfs", "proc", "sysfs", "devpts", "mqueue"} {
		if !slices.Contains(known, want) {
			errs = append(errs, fmt.Errorf("the kernel has no file system %s: load its module or take a kernel that has it", want))
		}
	}
	return errors.Join(errs...)
}

func controlGroups() error {
	mounted, err := cgroup.Mounted()
	if err != nil {
		return err
	}
	missing := cgroup.Missing(mounted)
	switch {
	case len(missing) == 0:
		return nil
	case len(missing) == len(cgroup.Required)+1 && len(mounted) > 0:
		return errors.New("this machine has control groups of version 2 only, and nodes need version 1: boot it with systemd.unified_cgroup_hierarchy=0, or mount the v1 controllers below /sys/fs/cgroup")
	default:
		return fmt.Errorf("control group hierarchies (version 1) are not mounted: %s; mount each below /sys/fs/cgroup", strings.Join(missing, ", "))
	}
}
