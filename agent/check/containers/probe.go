package containers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// MaxContainers are remembered, dead ones included: four times the 500 containers of a large node.
const MaxContainers = 2048

// An Endpoint finds the socket of the runtime the kubelet uses; check.ErrNotApplicable if there is none.
type Endpoint func(ctx context.Context) (socket string, err error)

// A Probe looks at all containers of one runtime. Its methods may be called concurrently.
type Probe struct {
	subject  config.ContainersSubject
	limits   Limits
	endpoint Endpoint
	doors    host.Doors

	mu      sync.Mutex // guards everything below
	runtime *runtime   // nil: none found yet
	state   *state
	due     time.Time // when to reconcile
	trouble error     // of the last reconciling
	listed  time.Time // when the lists last came
}

// A runtime is where the containers are. Lists and events have a connection each: a list that fails closes its own.
type runtime struct {
	socket        string
	lists, events *host.CRI
}

// New makes the probe.
func New(o config.ContainersSubject, endpoint Endpoint, doors host.Doors) *Probe {
	return &Probe{
		subject: o,
		limits: Limits{
			MinPods: o.MinPods, LostPercent: o.LostPercent,
			LostWithin: o.LostWithin.Duration, LostAfter: o.LostAfter.Duration,
			StableAfter: o.StableAfter.Duration, StuckAfter: o.StuckAfter.Duration,
		},
		endpoint: endpoint, doors: doors, state: newState(),
	}
}

// Probe judges what is remembered, and reconciles first when that is due.
func (p *Probe) Probe(ctx context.Context) ([]check.Finding, error) {
	r, err := p.found(ctx)
	if err != nil {
		return nil, err
	}
	if p.isDue(time.Now()) && p.reconcile(ctx, r) {
		p.read(time.Now())
		p.learn(ctx, r)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trouble != nil && !p.isRemembered(time.Now()) {
		return nil, p.trouble
	}
	return judge(p.state, p.limits, time.Now()), nil
}

// found is the runtime, forgetting all about another one.
func (p *Probe) found(ctx context.Context) (*runtime, error) {
	socket, err := p.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runtime != nil && p.runtime.socket == socket {
		return p.runtime, nil
	}
	if p.runtime != nil {
		_ = p.runtime.lists.Close() // nobody waits for it any more
		_ = p.runtime.events.Close()
	}
	p.runtime = &runtime{socket: socket, lists: p.doors.CRI(socket), events: p.doors.CRI(socket)}
	p.state, p.due, p.listed, p.trouble = newState(), time.Time{}, time.Time{}, nil
	return p.runtime, nil
}

// isRemembered says that the lists are missing for no longer than a runtime's restart takes: what is remembered will do.
// It is called with mu held.
func (p *Probe) isRemembered(now time.Time) bool {
	return !errors.Is(p.trouble, check.ErrNotApplicable) && !p.listed.IsZero() && now.Sub(p.listed) < 2*p.subject.ReconcileEvery.Duration
}

func (p *Probe) isDue(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !now.Before(p.due)
}

// reconcile asks for the lists. After a failure it is soon tried again, but not at every look.
func (p *Probe) reconcile(ctx context.Context, r *runtime) (done bool) {
	l, err := list(ctx, r.lists)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runtime != r {
		return false
	}
	now := time.Now()
	switch {
	case errors.Is(err, host.ErrNoCRI):
		p.trouble, p.due = check.ErrNotApplicable, now.Add(p.subject.ReconcileEvery.Duration)
	case err != nil:
		p.trouble, p.due = fmt.Errorf("listing containers: %w", err), now.Add(min(2*time.Second, p.subject.ReconcileEvery.Duration))
	default:
		p.trouble, p.due, p.listed = nil, now.Add(p.subject.ReconcileEvery.Duration), now
		p.state.take(l, now, MaxContainers)
	}
	return err == nil
}

// list asks for sandboxes first, so that no container is listed whose sandbox was there and is not listed.
func list(ctx context.Context, cri *host.CRI) (listing, error) {
	asked, cancel := check.Within(ctx, 85)
	defer cancel()
	l := listing{asked: time.Now()}
	var err error
	if l.sandboxes, err = cri.Sandboxes(ctx, asked); err != nil {
		return listing{}, err
	}
	l.containers, err = cri.Containers(ctx, asked)
	return l, err
}
