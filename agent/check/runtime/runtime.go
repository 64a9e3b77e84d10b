package runtime

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

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
	unit    string
	process string
}

var known = []kind{
	{name: "containerd", socket: "/run/containerd/containerd.sock", unit: "containerd.service", process: "containerd"},
	{name: "crio", socket: "/run/crio/crio.sock", unit: "crio.service", process: "crio"},
}

// New makes the checks: one for a configured endpoint, else one for each runtime we know, of which at most one applies.
func New(o config.RuntimeSubject, doors host.Doors) ([]check.Check, error) {
	if o.Endpoint == Auto {
		found := newDiscovery(known, doors)
		checks := make([]check.Check, len(known))
		for i, k := range known {
			checks[i] = check.New(k.name, &Probe{kind: k, found: found, daemon: newDaemon(k, doors)})
		}
		return checks, nil
	}
	k, err := configured(o)
	if err != nil {
		return nil, err
	}
	return []check.Check{check.New(k.name, &Probe{kind: k, daemon: newDaemon(k, doors)})}, nil
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
	kind   kind
	found  *discovery // nil: configured
	daemon *cridaemon
}

// Probe asks the runtime, or says that this is not the one.
func (p *Probe) Probe(ctx context.Context) ([]check.Finding, error) {
	if p.found != nil {
		chosen, err := p.found.chosen(ctx)
		if err != nil {
			return nil, err
		}
		if chosen != p.kind.name {
			return nil, check.ErrNotApplicable
		}
	}
	return p.daemon.look(ctx)
}

// Restarts counts the restarts seen so far.
func (p *Probe) Restarts() uint32 { return p.daemon.probe.Restarts() }

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
		Name:    k.process,
		Unit:    k.unit,
		Process: k.process,
		Address: k.socket,
		Reasons: daemon.Reasons{
			NotRunning:   v1alpha1.ReasonRuntimeNotRunning,
			NotAnswering: v1alpha1.ReasonRuntimeNotAnswering,
			Zombie:       v1alpha1.ReasonRuntimeZombie,
		},
		Ask: d.ask,
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
	answered, isAnswer := status.FromError(err)
	switch {
	case err == nil && s.RuntimeReady && !s.NetworkReady:
		return daemon.Answer{Kind: daemon.Good, Finding: check.Finding{Message: "the pod network is not ready: " + s.NetworkReason}}
	case err == nil && s.RuntimeReady:
		return daemon.Answer{Kind: daemon.Good}
	case err == nil:
		return bad("the runtime says that it is not ready: " + s.RuntimeReason)
	case errors.Is(err, host.ErrNoCRI):
		return bad(err.Error())
	case isAnswer && (answered.Code() == codes.PermissionDenied || answered.Code() == codes.Unauthenticated):
		return daemon.Answer{Kind: daemon.CannotAsk, Err: err}
	case isAnswer:
		return bad("the runtime answers Status with an error: " + answered.Message())
	default:
		return daemon.Unanswered(err)
	}
}
