package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/test/cluster/cgroup"
)

// systemd, and the unit that pulls in everything a node runs.
const (
	systemd = "/lib/systemd/systemd"
	target  = "bulkhead-node.target"
)

// BecomeInit turns the calling process, the first one of its PID namespace, into
// the systemd of a node. It returns only if that failed. The calling goroutine
// is locked to the main thread: of a process that executes another program only
// the calling thread's namespaces remain.
func BecomeInit(specFile string) error {
	spec, err := ReadSpec(specFile)
	if err != nil {
		return err
	}
	if os.Getpid() != 1 {
		return errors.New("node-init is for the first process of a node; `cluster up` starts it")
	}
	if err := cgroup.Join(spec.Hierarchies, spec.Node.Name); err != nil {
		return err
	}
	// Made after joining, so that the node sees its own groups as the roots.
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("making cgroup namespace: %w", err)
	}
	if err := unix.Sethostname([]byte(spec.Node.Name)); err != nil {
		return fmt.Errorf("setting host name: %w", err)
	}
	root := rootfs(spec.path("root"))
	steps := []func(rootfs) error{
		spec.mountRoot, mountKernel, spec.mountCgroups, makeDevices, spec.mountFolders,
		hideSysctls, giveIdentity, maskUnits, spec.copyFiles, enter,
	}
	for _, step := range steps {
		if err := step(root); err != nil {
			return fmt.Errorf("building %s: %w", spec.Node.Name, err)
		}
	}
	argv := []string{systemd, "--unit=" + target, "--log-level=info"}
	environment := []string{"container=bulkhead-test", "PATH=" + Path}
	return fmt.Errorf("executing %s: %w", systemd, unix.Exec(systemd, argv, environment))
}

// rootfs is where the root file system of a node is being built.
type rootfs string

func (r rootfs) path(names ...string) string {
	return filepath.Join(append([]string{string(r)}, names...)...)
}

// mount makes the folder it mounts on.
func (r rootfs) mount(source, at, kind string, flags uintptr, options string) error {
	if err := os.MkdirAll(r.path(at), 0o755); err != nil {
		return fmt.Errorf("mounting %s: %w", at, err)
	}
	if err := unix.Mount(source, r.path(at), kind, flags, options); err != nil {
		return fmt.Errorf("mounting %s as %s: %w", at, kind, err)
	}
	return nil
}

func (r rootfs) bind(source, at string) error {
	return r.mount(source, at, "", unix.MS_BIND|unix.MS_REC, "")
}

// bindFile shows source in the place of a file that exists.
func (r rootfs) bindFile(source, at string) error {
	if err := unix.Mount(source, r.path(at), "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting %s over %s: %w", source, at, err)
	}
	return nil
}

// write replaces a file, and a link by a file: the machine's /etc/resolv.conf
// may be a link to somewhere else.
func (r rootfs) write(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(r.path(name)), 0o755); err != nil {
		return err
	}
	if err := os.Remove(r.path(name)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.WriteFile(r.path(name), []byte(text), 0o644)
}

// enter makes the root file system the only one. What a node mounts later is
// shared downwards, as the kubelet and containerd expect.
func enter(root rootfs) error {
	old := root.path(".machine")
	if err := os.MkdirAll(old, 0o700); err != nil {
		return err
	}
	if err := unix.PivotRoot(string(root), old); err != nil {
		return fmt.Errorf("changing root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Unmount("/.machine", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leaving the machine's root: %w", err)
	}
	if err := os.Remove("/.machine"); err != nil {
		return err
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}
