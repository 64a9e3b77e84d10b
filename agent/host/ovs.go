package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/digitalocean/go-openvswitch/ovsnl"
)

// familyAgain is how long "this kernel has no datapath of Open vSwitch" is believed: to find out lists every family of
// generic netlink.
const familyAgain = 10 * time.Second

// OVS asks the daemons of Open vSwitch, and the kernel for its datapaths. Every call to a daemon has a connection of its
// own: on a kept one a daemon that stopped accepting would look alive.
type OVS struct {
	paths Paths

	mu       sync.Mutex    // guards everything below
	kernel   *ovsnl.Client // nil: not dialled, or failed
	noFamily time.Time     // when it was last seen that the kernel has none
}

// NewOVS prepares the door.
func NewOVS(paths Paths) *OVS { return &OVS{paths: paths} }

// Version asks a daemon for its version on its control socket. runDir is where its PID file and socket are, and daemon
// is what they are named after: ovs-vswitchd or ovsdb-server.
func (o *OVS) Version(outer, asked context.Context, runDir, daemon string) (string, error) {
	socket, err := o.controlSocket(runDir, daemon)
	if err != nil {
		return "", err
	}
	version, err := askOVS[string](asked, socket, "version", "[]")
	return version, observed(outer, err)
}

// PID reads a daemon's PID file: its PID as the daemon itself sees it, which in a container is not the host's.
func (o *OVS) PID(runDir, daemon string) (int, error) {
	var buffer [32]byte
	raw, err := readSmall(o.paths.At(path.Join(runDir, daemon+".pid")), buffer[:])
	switch {
	case errors.Is(err, os.ErrNotExist):
		return 0, ErrAbsent
	case err != nil:
		return 0, fmt.Errorf("reading the PID of %s: %w", daemon, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil || pid < 1 {
		return 0, ErrAbsent // being written: the daemon truncates it first
	}
	return pid, nil
}

// controlSocket is <daemon>.<pid>.ctl. A PID file that somebody tidied away hides nothing as long as there is only one.
func (o *OVS) controlSocket(runDir, daemon string) (string, error) {
	folder := o.paths.At(runDir)
	pid, err := o.PID(runDir, daemon)
	if err == nil {
		return path.Join(folder, daemon+"."+strconv.Itoa(pid)+".ctl"), nil
	}
	if !errors.Is(err, ErrAbsent) {
		return "", err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", observed(context.Background(), err)
	}
	var found []string
	for _, entry := range entries {
		rest, isOurs := strings.CutPrefix(entry.Name(), daemon+".")
		pid, isControl := strings.CutSuffix(rest, ".ctl")
		if _, err := strconv.Atoi(pid); isOurs && isControl && err == nil {
			found = append(found, entry.Name())
		}
	}
	if len(found) != 1 {
		return "", ErrAbsent
	}
	return path.Join(folder, found[0]), nil
}

// Datapaths are the names of the kernel's datapaths in our network namespace. ErrAbsent says that this kernel has no
// such thing: its module is not loaded, and Open vSwitch forwards in user space or not at all.
func (o *OVS) Datapaths() ([]string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.dialKernel(); err != nil {
		return nil, err
	}
	datapaths, err := o.kernel.Datapath.List()
	if err != nil { // the module may have been unloaded, and have another number when it comes back
		_ = o.kernel.Close()
		o.kernel = nil
		return nil, fmt.Errorf("listing the kernel's datapaths: %w", err)
	}
	names := make([]string, len(datapaths))
	for i, d := range datapaths {
		names[i] = d.Name
	}
	return names, nil
}

func (o *OVS) dialKernel() error {
	if o.kernel != nil {
		return nil
	}
	if !o.noFamily.IsZero() && time.Since(o.noFamily) < familyAgain {
		return ErrAbsent
	}
	client, err := ovsnl.New()
	switch {
	case errors.Is(err, os.ErrNotExist):
		o.noFamily = time.Now()
		return ErrAbsent
	case err != nil:
		return fmt.Errorf("asking the kernel for Open vSwitch's datapath: %w", err)
	}
	o.kernel = client
	return nil
}

// Close lets go of what is open.
func (o *OVS) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kernel != nil {
		_ = o.kernel.Close()
		o.kernel = nil
	}
}
