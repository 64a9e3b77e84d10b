package calico

import (
	"context"
	"errors"
	"os"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// A Probe looks at Calico. Looks are made by one goroutine at a time.
type Probe struct {
	paths   host.Paths
	subject config.CalicoSubject
	members [members]*member
	isHere  bool // some member was seen once
	memory  memory
	starts  uint32 // of processes of all members, before the latest look
}

// The members, the most telling first.
const (
	felix = iota
	bird
	bird6
	confd
	members
)

// New makes the probe.
func New(o config.CalicoSubject, doors host.Doors) *Probe {
	return &Probe{
		paths: doors.Paths, subject: o,
		members: [members]*member{newFelix(o, doors), newBird(o, doors, "bird"), newBird(o, doors, "bird6"), newConfd(doors)},
	}
}

// Probe asks all members at once, if there is a Calico.
func (p *Probe) Probe(ctx context.Context) ([]check.Finding, error) {
	if here, err := p.mayBeHere(); !here {
		return nil, err
	}
	looked := make([]check.Probe, members)
	for i, m := range p.members {
		looked[i] = m.daemon
	}
	p.hurry()
	var o observation
	for i, outcome := range daemon.Several(ctx, looked...) {
		o[i] = p.members[i].seen(outcome)
		p.isHere = p.isHere || o[i].isSighted()
	}
	findings, err := judge(o, p.memory, p.subject.StartUp.Duration)
	p.memory = p.memory.after(o)
	return findings, err
}

// hurry looks out for the rest when one of them has started: a container starts them all.
func (p *Probe) hurry() {
	var starts uint32
	for _, m := range p.members {
		starts += m.starts
	}
	if starts == p.starts {
		return
	}
	p.starts = starts
	for _, m := range p.members {
		m.search.Hurry()
	}
}

// mayBeHere keeps a node without Calico from being searched through, and its port 9099 from being asked.
func (p *Probe) mayBeHere() (bool, error) {
	if p.isHere || p.subject.FelixUnit != "" {
		return true, nil
	}
	_, err := os.Stat(p.paths.At(p.subject.RunDir))
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, os.ErrNotExist):
		return false, check.ErrNotApplicable
	default:
		return false, err
	}
}

// Restarts counts those of the member that was restarted most often: a new pod restarts them all, once.
func (p *Probe) Restarts() uint32 {
	var most uint32
	for _, m := range p.members {
		most = max(most, m.restarts(), m.daemon.Restarts())
	}
	return most
}

// Watch is told what the members' watches are told.
func (p *Probe) Watch(ctx context.Context, changed func()) error {
	var watches []check.Watch
	for _, m := range p.members {
		watches = append(watches, m.daemon.Watch)
	}
	return check.Together(watches...)(ctx, changed)
}
