package runtime

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// Auto as the endpoint means: find it.
const Auto = "auto"

// A kind is one runtime we know.
type kind struct {
	name    check.Name
	socket  string
	unit    string // empty: it has none, or we do not know which
	process string
	// onlyNamed: it is the subject only if the kubelet says so. Its being there says nothing.
	onlyNamed bool
}

var known = []kind{
	{name: "containerd", socket: "/run/containerd/containerd.sock", unit: "containerd.service", process: "containerd"},
	{name: "crio", socket: "/run/crio/crio.sock", unit: "crio.service", process: "crio"},
	{name: "cri-dockerd", socket: "/run/cri-dockerd.sock", unit: "cri-docker.service", process: "cri-dockerd", onlyNamed: true},
}

// configured reads an endpoint. One of an unknown runtime, like cri-dockerd, is named after its socket.
func configured(o config.RuntimeSubject) (kind, error) {
	socket := strings.TrimPrefix(o.Endpoint, "unix://")
	if !path.IsAbs(socket) {
		return kind{}, fmt.Errorf("runtime endpoint %q: write %s, or unix:// and an absolute path", o.Endpoint, Auto)
	}
	name := strings.ToLower(strings.TrimSuffix(path.Base(socket), ".sock"))
	k := kind{name: check.Name(name), unit: name + ".service", process: name}
	for _, one := range known {
		if strings.Contains(socket, string(one.name)) {
			k = one
		}
	}
	k.socket = socket
	if o.Unit != "" {
		k.unit = o.Unit
	}
	if o.Process != "" {
		k.process = o.Process
	}
	return k, nil
}

// A Probe looks at one runtime, if it is the one the kubelet uses.
type Probe struct {
	name  check.Name
	found *Discovery

	mu     sync.Mutex // guards everything below
	kind   kind
	daemon *cridaemon
	moved  chan struct{} // closed when daemon is another
}

func newProbe(k kind, found *Discovery) *Probe {
	return &Probe{name: k.name, found: found, kind: k, daemon: newDaemon(k, found.doors), moved: make(chan struct{})}
}

// Probe asks the runtime, or says that this is not the one.
func (p *Probe) Probe(ctx context.Context) ([]check.Finding, error) {
	chosen, err := p.found.chosen(ctx)
	if err != nil {
		return nil, err
	}
	if chosen.name != p.name {
		return nil, check.ErrNotApplicable
	}
	return p.follow(chosen).look(ctx)
}

// follow is the daemon on the chosen socket, a new one if it moved.
func (p *Probe) follow(chosen kind) *cridaemon {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kind != chosen {
		_ = p.daemon.cri.Close() // nobody asks there any more
		p.kind, p.daemon = chosen, newDaemon(chosen, p.found.doors)
		close(p.moved)
		p.moved = make(chan struct{})
	}
	return p.daemon
}

func (p *Probe) current() (*cridaemon, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.daemon, p.moved
}

// Restarts counts the restarts seen so far.
func (p *Probe) Restarts() uint32 {
	current, _ := p.current()
	return current.probe.Restarts()
}

// errNotOurs ends a watch that may be of use later, which check.ErrNotApplicable would end for good.
var errNotOurs = errors.New("this is not the kubelet's runtime now")

// Watch is told what its daemon's is. It ends when the daemon is another, and is then started again.
func (p *Probe) Watch(ctx context.Context, changed func()) error {
	chosen, err := p.found.chosen(ctx)
	if err != nil || chosen.name != p.name {
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
		}
		return errNotOurs
	}
	p.follow(chosen)
	current, moved := p.current()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-moved:
			cancel()
		case <-ctx.Done():
		}
	}()
	return current.probe.Watch(ctx, changed)
}

// A cridaemon is a daemon with a CRI socket. It remembers whether the CRI was ever served there.
type cridaemon struct {
	probe     *daemon.Probe
	cri       *host.CRI
	served    bool
	isForeign bool // something answered there that never served the CRI: alive or dead, it is not the kubelet's
}

func newDaemon(k kind, doors host.Doors) *cridaemon {
	d := &cridaemon{cri: doors.CRI(k.socket)}
	d.probe = daemon.New(daemon.Subject{
		Name: k.process,
		Unit: k.unit, UnitEvery: daemon.Seldom,
		Process: k.process,
		Address: k.socket,
		Reasons: daemon.Reasons{
			NotRunning:   v1alpha1.ReasonRuntimeNotRunning,
			NotAnswering: v1alpha1.ReasonRuntimeNotAnswering,
			Zombie:       v1alpha1.ReasonRuntimeZombie,
		},
		Ask:         d.ask,
		WatchSocket: daemon.WatchFile(doors.Paths, k.socket),
	}, doors.Systemd, doors.Processes)
	return d
}

func (d *cridaemon) look(ctx context.Context) ([]check.Finding, error) {
	findings, err := d.probe.Probe(ctx)
	if d.isForeign {
		return nil, check.ErrNotApplicable
	}
	return findings, err
}

func (d *cridaemon) ask(outer, asked context.Context) daemon.Answer {
	answered, err := d.cri.Status(outer, asked)
	d.served = d.served || err == nil
	d.isForeign = !d.served && (d.isForeign || errors.Is(err, host.ErrNoCRI))
	return judge(answered, err)
}

func judge(s host.RuntimeStatus, err error) daemon.Answer {
	bad := func(message string) daemon.Answer {
		return daemon.Answer{Kind: daemon.Bad, Finding: check.Finding{Reason: v1alpha1.ReasonRuntimeNotReady, Message: message}}
	}
	answered, isAnswer := errors.AsType[*host.CallError](err)
	switch {
	case err == nil && s.RuntimeReady && !s.NetworkReady:
		return daemon.Answer{Kind: daemon.Good, Finding: check.Finding{Message: "the pod network is not ready: " + s.NetworkReason}}
	case err == nil && s.RuntimeReady:
		return daemon.Answer{Kind: daemon.Good}
	case err == nil:
		return bad("the runtime says that it is not ready: " + s.RuntimeReason)
	case errors.Is(err, host.ErrNoCRI):
		return bad(err.Error())
	case isAnswer && (answered.Code == host.CodePermissionDenied || answered.Code == host.CodeUnauthenticated):
		return daemon.Answer{Kind: daemon.CannotAsk, Err: err}
	case isAnswer:
		return bad("the runtime answers Status with an error: " + answered.Message)
	default:
		return daemon.Unanswered(err)
	}
}
