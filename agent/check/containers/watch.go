package containers

import (
	"context"
	"errors"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// Sources of events, as the configuration names them.
const (
	eventsAuto = "auto"
	eventsCRI  = "cri"
	eventsOff  = "off"
)

const (
	versionTimeout = 2 * time.Second
	// muteFor is how long a runtime that tells of no events is not asked again: it may have been upgraded.
	muteFor = 5 * time.Minute
	// foundAgain is how long a node without a runtime is left alone.
	foundAgain = 30 * time.Second
)

// errNotFound ends a watch that may be of use later, which check.ErrNotApplicable would end for good.
var errNotFound = errors.New("no runtime was found")

// Watch follows the runtime's events. It reconciles when they begin: what happened before is in the lists.
func (p *Probe) Watch(ctx context.Context, changed func()) error {
	if p.subject.Events == eventsOff {
		<-ctx.Done()
		return ctx.Err()
	}
	r, err := p.found(ctx)
	if err != nil {
		waitFor(ctx, foundAgain)
		return errNotFound
	}
	receive, err := p.source(ctx, r)
	if err != nil {
		return err
	}
	told := func() {
		p.reconcileSoon()
		changed()
	}
	err = receive(ctx, told, func(e host.ContainerEvent) {
		if p.happened(r, e, time.Now()) {
			changed()
		}
	})
	p.reconcileSoon()
	if errors.Is(err, host.ErrNoEvents) {
		waitFor(ctx, muteFor)
	}
	return err
}

type receiver func(ctx context.Context, told func(), deliver func(host.ContainerEvent)) error

// source chooses the stream; doc.go says why.
func (p *Probe) source(ctx context.Context, r *runtime) (receiver, error) {
	if p.subject.Events == eventsCRI {
		return r.events.Events, nil
	}
	asked, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	name, err := r.events.Name(ctx, asked)
	if err != nil {
		return nil, err
	}
	if name == "containerd" {
		return r.events.TaskEvents, nil
	}
	return r.events.Events, nil
}

// happened says whether a look may now conclude something else. Single containers, however many, cause none.
func (p *Probe) happened(r *runtime, e host.ContainerEvent, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runtime != r {
		return false
	}
	before := p.state.lastStart
	c := p.state.happened(e, now)
	switch e.Kind {
	case host.ContainerStarted:
		// What had waited for a start since the last one has it.
		return now.Sub(before) >= p.limits.LostAfter
	case host.ContainerStopped:
		return c != nil && p.state.isLost(c, p.limits) && lostTogether(p.state, p.limits).isMany(p.limits)
	case host.ContainerDeleted:
	}
	return false
}

func (p *Probe) reconcileSoon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due = time.Time{}
}

func waitFor(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
