package node

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// devices are the character devices of a node, by their kernel numbers.
var devices = []struct {
	name         string
	major, minor uint32
}{
	{"null", 1, 3},
	{"zero", 1, 5},
	{"full", 1, 7},
	{"random", 1, 8},
	{"urandom", 1, 9},
	{"kmsg", 1, 11}, // the kubelet reads it for the OOM killer
	{"tty", 5, 0},
	{"fuse", 10, 229},
	{"net/tun", 10, 200},
}

func makeDevices(root rootfs) error {
	if err := root.mount("tmpfs", "dev", "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	if err := os.Mkdir(root.path("dev/net"), 0o755); err != nil {
		return err
	}
	for _, device := range devices {
		path := root.path("dev", device.name)
		if err := unix.Mknod(path, unix.S_IFCHR, int(unix.Mkdev(device.major, device.minor))); err != nil {
			return fmt.Errorf("making device %s: %w", device.name, err)
		}
		// Not by mknod, which the umask would curtail.
		if err := os.Chmod(path, 0o666); err != nil {
			return err
		}
	}
	for name, link := range map[string]string{
		"fd":     "/proc/self/fd",
		"stdin":  "/proc/self/fd/0",
		"stdout": "/proc/self/fd/1",
		"stderr": "/proc/self/fd/2",
		"ptmx":   "pts/ptmx",
	} {
		if err := os.Symlink(link, root.path("dev", name)); err != nil {
			return err
		}
	}
	for _, m := range []struct{ at, kind, options string }{
		{"dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=620,gid=5"},
		{"dev/shm", "tmpfs", "mode=1777"},
		{"dev/mqueue", "mqueue", ""},
	} {
		if err := root.mount(m.kind, m.at, m.kind, 0, m.options); err != nil {
			return err
		}
	}
	// systemd writes to a console and needs none.
	return root.write("dev/console", "")
}
