package lifecycle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/test/cluster/cgroup"
	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/process"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

// Down takes down whatever there is of a cluster: its processes, network
// namespaces, mounts, control groups and files. It may be called at any time and
// as often as one likes.
func Down(d state.Dir) error {
	hierarchies, err := cgroup.Mounted()
	if err != nil {
		return err
	}
	if err := killAll(d, hierarchies); err != nil {
		return err // what is still in use must not be removed
	}
	if err := errors.Join(network.Down(), unmountBelow(d)); err != nil {
		return err
	}
	if err := errors.Join(cgroup.Remove(hierarchies, "", 30*time.Second), restoreInotify(d)); err != nil {
		return err
	}
	return d.Clear()
}

// killAll ends every process of the cluster. It looks again until none is found,
// since one that is dying may just have started another.
func killAll(d state.Dir, hierarchies []cgroup.Hierarchy) error {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		left, err := processes(d, hierarchies)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("ending the cluster's processes: %d are still there, such as %d", len(left), left[0].PID)
		}
		for _, id := range left {
			if err := id.Signal(unix.SIGKILL); err != nil && !errors.Is(err, process.ErrEnded) {
				return err
			}
		}
		thawAll(hierarchies)
	}
}

// processes finds what belongs to the cluster: by our files, by the network
// namespace, and by the control group.
func processes(d state.Dir, hierarchies []cgroup.Hierarchy) ([]process.Identity, error) {
	var all []process.Identity
	for _, id := range process.Recorded(d) {
		if id.Alive() {
			all = append(all, id)
		}
	}
	namespaces, err := network.Ours()
	if err != nil {
		return nil, err
	}
	for _, namespace := range namespaces {
		members, err := process.InNamespace(network.File(namespace), "net")
		if err != nil {
			return nil, err
		}
		all = append(all, members...)
	}
	for _, pid := range cgroup.Members(hierarchies, "") {
		if id, err := process.Identify(pid); err == nil {
			all = append(all, id)
		}
	}
	return slices.DeleteFunc(all, func(id process.Identity) bool { return id.PID == os.Getpid() }), nil
}

// thawAll lets frozen nodes go on, for a frozen process does not die. Nodes that
// are not frozen are left as they are.
func thawAll(hierarchies []cgroup.Hierarchy) {
	for _, node := range cgroup.Nodes(hierarchies) {
		cgroup.Thaw(hierarchies, node)
	}
}

// unmountBelow unmounts what is mounted inside the state folder, innermost first.
func unmountBelow(d state.Dir) error {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("listing mounts: %w", err)
	}
	var errs []error
	for _, point := range mountsBelow(string(data), string(d)) {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmounting %s: %w", point, err))
		}
	}
	return errors.Join(errs...)
}

func mountsBelow(mountinfo, dir string) []string {
	var points []string
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			points = append(points, fields[4])
		}
	}
	slices.Reverse(points)
	return points
}

// failedLogs keeps the logs of the last cluster that did not come up.
const failedLogs = "failed"

func keepLogs(d state.Dir) {
	os.RemoveAll(d.Path(failedLogs))
	os.MkdirAll(d.Path(failedLogs), 0o755)
	os.Rename(d.Logs(), d.Path(failedLogs, "control-plane"))
	consoles, _ := filepath.Glob(d.Node("*", "console.log"))
	for _, console := range consoles {
		os.Rename(console, d.Path(failedLogs, filepath.Base(filepath.Dir(console))+"-console.log"))
	}
}
