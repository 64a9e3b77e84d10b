package host

import (
	"path/filepath"
	"strings"
)

// Paths finds the host's files.
type Paths struct {
	// Root is where the host's file system is seen. Default "/"; in a pod, the mount point, for example "/host".
	Root string
	// Proc is the host's /proc. Default Root/proc. A pod with hostPID has its own fresh /proc, which lists the same
	// processes; the host's is needed for what the kernel shows per mount.
	Proc string
	// Run is the host's /run. Default Root/run. All of it must be mounted, not single sockets: a daemon makes its
	// socket anew when it starts, and the absence of run/systemd/system says that the host has no systemd.
	Run string
}

// At is a path of the host as we see it. /var/run is /run on every distribution, and an absolute symlink there would
// lead out of the mount.
func (p Paths) At(path string) string {
	path = filepath.Clean(path)
	for _, mount := range []struct{ from, to string }{
		{"/proc", p.proc()}, {"/run", p.run()}, {"/var/run", p.run()},
	} {
		if path == mount.from || strings.HasPrefix(path, mount.from+"/") {
			return filepath.Join(mount.to, strings.TrimPrefix(path, mount.from))
		}
	}
	return filepath.Join(p.root(), path)
}

func (p Paths) root() string { return orElse(p.Root, "/") }
func (p Paths) proc() string { return orElse(p.Proc, filepath.Join(p.root(), "proc")) }
func (p Paths) run() string  { return orElse(p.Run, filepath.Join(p.root(), "run")) }

func orElse(own, general string) string {
	if own != "" {
		return own
	}
	return general
}
