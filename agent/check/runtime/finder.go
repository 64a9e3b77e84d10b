package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// kubeletPort is where every kubelet listens, whatever program it is part of.
const kubeletPort = 10250

// embedding are programs that are a kubelet among other things, by the kernel's names for them.
var embedding = []string{"k3s-server", "k3s-agent", "k3s", "kubelite"}

// A finder finds the kubelet and what it uses. It is used by one goroutine at a time.
type finder struct {
	subject config.KubeletSubject
	doors   host.Doors

	search *host.Search
	names  []string

	last host.Process // the kubelet that was asked
	used string       // the socket it uses
	err  error        // why that is not known, or errGuess
}

// errStranger: the kubelet uses a runtime that no check of ours is about.
type errStranger struct{ socket string }

func (e errStranger) Error() string {
	return "the kubelet uses " + e.socket + ", which we do not know; configure it as checks.runtime.endpoint"
}

func newFinder(k config.KubeletSubject, doors host.Doors) finder {
	return finder{subject: k, doors: doors, search: doors.Processes.Search(), names: append([]string{k.Process}, embedding...)}
}

// runtime is what the kubelet uses. A kubelet reads its configuration when it starts: one that was asked is not asked
// again.
func (f *finder) runtime(ctx context.Context, kinds []kind, hasSocket func(string) bool) (kind, error) {
	if now, err := f.doors.Processes.Now(f.last); err != nil || now.IsZombie() {
		found, err := f.find(ctx)
		if err != nil {
			return kind{}, err
		}
		f.ask(found)
	}
	switch {
	case errors.Is(f.err, errGuess) && !hasSocket(f.used):
		return kind{}, fmt.Errorf("%s, and there is no such socket: %w", f.used, f.err)
	case f.err != nil && !errors.Is(f.err, errGuess):
		return kind{}, f.err
	}
	return kindOf(kinds, f.used)
}

func (f *finder) ask(kubelet host.Process) {
	f.last = kubelet
	args, err := f.doors.Processes.Args(kubelet.PID)
	if err == nil {
		f.used, err = endpointOf(args, f.files(kubelet.PID))
	}
	f.err = err
	if err != nil && !errors.Is(err, errGuess) {
		f.last = host.Process{} // it is asked again: what was missing may be there later
	}
}

// files are those that the kubelet sees, or without the privilege to see as it does, SYS_PTRACE, the host's.
func (f *finder) files(pid int) fs.FS {
	return either{
		os.DirFS(f.doors.Paths.At("/proc/" + strconv.Itoa(pid) + "/root")),
		os.DirFS(f.doors.Paths.At("/")),
	}
}

// either opens a file in the first that lets it.
type either [2]fs.FS

// Open is fs.FS.
func (e either) Open(name string) (fs.File, error) {
	file, err := e[0].Open(name)
	if err != nil {
		return e[1].Open(name)
	}
	return file, nil
}

// find asks who listens on the kubelet's port, and without the privilege to see that, systemd and the process table.
func (f *finder) find(ctx context.Context) (host.Process, error) {
	found, refused := f.doors.Processes.Listener(ctx, kubeletPort)
	if refused == nil {
		return found, nil
	}
	if unit, err := f.doors.Systemd.Unit(ctx, f.subject.Unit); err == nil && unit.MainPID > 0 {
		if found, err := f.doors.Processes.Stat(unit.MainPID); err == nil {
			return found, nil
		}
	}
	found, err := f.search.Find(ctx, host.Pattern{Names: f.names})
	if errors.Is(err, host.ErrNoProcess) {
		return host.Process{}, refused
	}
	return found, err
}

// kindOf is the kind of a socket: the one it is the usual socket of, or the one whose name is in its path. In the latter
// case its unit is not known: k3s and k0s run a containerd of their own without one.
func kindOf(kinds []kind, socket string) (kind, error) {
	for _, one := range kinds {
		if one.socket == socket {
			return one, nil
		}
	}
	for _, one := range kinds {
		if strings.Contains(socket, string(one.name)) {
			one.socket, one.unit = socket, unitOf[path.Clean(socket)]
			return one, nil
		}
	}
	return kind{}, errStranger{socket}
}

// unitOf has the units of runtimes in unusual places.
var unitOf = map[string]string{
	"/var/snap/microk8s/common/run/containerd.sock": "snap.microk8s.daemon-containerd.service",
}
