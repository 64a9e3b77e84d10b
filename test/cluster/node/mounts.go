package node

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mountRoot lays a tmpfs over the machine's files. It starts by cutting the tie
// to the machine's mounts: nothing that follows may be seen outside.
func (s Spec) mountRoot(root rootfs) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	memory := rootfs(s.path("upper"))
	if err := memory.mount("tmpfs", "", "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for _, dir := range []string{"files", "work"} {
		if err := os.Mkdir(memory.path(dir), 0o755); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=/,upperdir=%s,workdir=%s", memory.path("files"), memory.path("work"))
	return root.mount("overlay", "", "overlay", 0, options)
}

func mountKernel(root rootfs) error {
	if err := root.mount("proc", "proc", "proc", 0, ""); err != nil {
		return err
	}
	return root.mount("sysfs", "sys", "sysfs", 0, "")
}

// mountCgroups mounts every hierarchy of the machine afresh, so that it begins
// at the node's own group.
func (s Spec) mountCgroups(root rootfs) error {
	const at = "sys/fs/cgroup"
	if err := root.mount("tmpfs", at, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for _, h := range s.Hierarchies {
		if err := root.mount("cgroup", at+"/"+h.Name(), h.Type, 0, h.Options); err != nil {
			return err
		}
	}
	return nil
}

// mountFolders mounts what is a tmpfs on any machine, what outlives a power-off,
// and the binaries.
func (s Spec) mountFolders(root rootfs) error {
	for at, options := range map[string]string{
		"run": "mode=755",
		// Not the machine's: systemd empties /tmp when it boots.
		"tmp": "mode=1777",
	} {
		if err := root.mount("tmpfs", at, "tmpfs", 0, options); err != nil {
			return err
		}
	}
	for at, source := range map[string]string{
		"var/lib/containerd": s.path("containerd"),
		"var/lib/kubelet":    s.path("kubelet"),
		"var/log":            s.path("log"),
	} {
		if err := root.bind(source, at); err != nil {
			return err
		}
	}
	for at, source := range map[string]string{
		kubeDir:      s.Binaries.Kube,
		nodeToolsDir: s.Binaries.NodeTools,
		imagesDir:    s.Binaries.Images,
	} {
		if err := root.bind(source, at); err != nil {
			return err
		}
		if err := root.mount("", at, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
			return err
		}
	}
	return nil
}
