package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/test/cluster/cgroup"
	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/process"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
	"github.com/bulkhead-dev/bulkhead/test/cluster/wait"
)

// InitVerb is the hidden verb of the cluster command that runs Init.
const InitVerb = "node-init"

// Boot switches the node on and returns when its systemd has started.
func (s Spec) Boot(ctx context.Context) error {
	for _, dir := range []string{"root", "upper", "containerd", "kubelet", "log", "files"} {
		if err := os.MkdirAll(s.path(dir), 0o755); err != nil {
			return fmt.Errorf("making folders of %s: %w", s.Node.Name, err)
		}
	}
	if err := s.mountNodefs(); err != nil {
		return err
	}
	if err := s.render(); err != nil {
		return err
	}
	if err := s.save(); err != nil {
		return err
	}
	if err := cgroup.Make(s.Hierarchies, s.Node.Name); err != nil {
		return err
	}
	if err := network.AddNode(s.Node.Name, s.Node.Number); err != nil {
		return err
	}
	init, err := process.Start(s.Dir, process.Daemon{
		Name:       RecordName(s.Node.Name),
		Argv:       []string{"/proc/self/exe", InitVerb, s.specFile()},
		Namespace:  s.namespace(),
		Log:        s.path("console.log"),
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
	})
	if err != nil {
		return err
	}
	return wait.For(ctx, "systemd of "+s.Node.Name, time.Minute, func(context.Context) error {
		if !init.Alive() {
			return wait.Never(fmt.Errorf("its first process has ended:\n%s", wait.Tail(s.path("console.log"), 10)))
		}
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", init.PID))
		if err == nil && strings.TrimSpace(string(name)) != "systemd" {
			err = errors.New("node-init is still at work")
		}
		return err
	})
}

// RecordName is what a node's first process is remembered as.
func RecordName(node string) string { return "node-" + node }

// Init returns the first process of a node that is switched on.
func Init(d state.Dir, node string) (process.Identity, error) {
	id, err := process.Recall(d, RecordName(node))
	if err == nil && !id.Alive() {
		err = process.ErrEnded
	}
	if err != nil {
		return id, fmt.Errorf("node %s is switched off: %w", node, err)
	}
	return id, nil
}

// PowerOff ends every process of the node between two instructions, as a power
// cut does: with the first process of a PID namespace the kernel kills the rest.
// The cable is pulled first, or else the kernel would still say goodbye to every
// peer of the dying processes. It returns when the cable was pulled.
func (s Spec) PowerOff() (time.Time, error) {
	init, err := Init(s.Dir, s.Node.Name)
	if err != nil {
		return time.Time{}, err
	}
	at, err := network.Cut(s.Node.Name)
	if err != nil {
		return at, err
	}
	if err := init.Signal(unix.SIGKILL); err != nil && !errors.Is(err, process.ErrEnded) {
		return at, err
	}
	// A frozen process dies only once it may go on.
	if _, err := cgroup.Thaw(s.Hierarchies, s.Node.Name); err != nil {
		return at, err
	}
	return at, init.Kill(time.Minute)
}

// PowerOn boots a node that was switched off, with an empty memory, a new boot
// ID and the disks it had.
func (s Spec) PowerOn(ctx context.Context) error {
	if _, err := Init(s.Dir, s.Node.Name); err == nil {
		return fmt.Errorf("node %s is switched on already", s.Node.Name)
	}
	if err := cgroup.Remove(s.Hierarchies, s.Node.Name, time.Minute); err != nil {
		return err
	}
	if err := network.RemoveNode(s.Node.Name); err != nil {
		return err
	}
	return s.Boot(ctx)
}

// mountNodefs gives the kubelet's folder a file system of its own, if the node
// has a limit. It is mounted outside of the node, to outlive a power-off.
func (s Spec) mountNodefs() error {
	if s.Node.NodefsSize == "" {
		return nil
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("mounting nodefs: %w", err)
	}
	if strings.Contains(string(mounts), " "+s.path("kubelet")+" ") {
		return nil
	}
	options := "mode=750,nr_inodes=20000,size=" + s.Node.NodefsSize
	if err := unix.Mount("tmpfs", s.path("kubelet"), "tmpfs", 0, options); err != nil {
		return fmt.Errorf("mounting nodefs of %s with size %s: %w", s.Node.Name, s.Node.NodefsSize, err)
	}
	return nil
}
