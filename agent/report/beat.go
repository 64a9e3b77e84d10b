package report

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// beatLoop beats once a period, and at once when something is new.
type beatLoop struct {
	node, holder, bootID string

	publisher heartbeat.Publisher
	address   func() string
	sequence  func() int64
	heard     func() // after a beat that got through behind one that did not
	overran   func(time.Time)
	planned   func() bool
	limits    config.AgentHeartbeat
	metrics   *metrics
	trouble   *trouble
	kick      chan struct{}

	mu    sync.Mutex // guards everything below
	phase v1alpha1.AgentPhase
	said  chan struct{} // closed by the next attempt; nil if nobody waits
	due   time.Time     // of the next attempt
}

func newBeatLoop(o Options, m *metrics, t *trouble) *beatLoop {
	return &beatLoop{
		node: o.Node, holder: o.Holder, bootID: o.BootID,
		publisher: o.Publisher,
		address:   o.Address,
		overran:   o.Overran,
		planned:   o.Planned,
		limits:    o.Beats,
		metrics:   m,
		trouble:   t,
		kick:      make(chan struct{}, 1),
		phase:     v1alpha1.PhaseRunning,
		due:       time.Now(),
	}
}

// now asks for an immediate beat. It never waits.
func (l *beatLoop) now() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

func (l *beatLoop) setPhase(phase v1alpha1.AgentPhase) <-chan struct{} {
	l.mu.Lock()
	l.phase = phase
	if l.said == nil {
		l.said = make(chan struct{})
	}
	said := l.said
	l.mu.Unlock()
	l.now()
	return said
}

func (l *beatLoop) stalled(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, now.Sub(l.due))
}

func (l *beatLoop) run(ctx context.Context) error {
	period, failed := heartbeat.DefaultPeriod, false
	timer := time.NewTimer(rand.N(period)) // so that the agents of a rollout do not beat in step
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			l.leave(context.WithoutCancel(ctx), period)
			return nil
		case <-l.kick:
		case <-timer.C:
		}
		began := time.Now()
		asked, err := l.beat(ctx, l.timeout(period), period)
		if ctx.Err() != nil {
			continue
		}
		if err == nil && failed {
			l.heard()
		}
		failed = err != nil
		if asked > 0 {
			period = asked
		}
		wait := period
		if failed {
			wait = min(period, heartbeat.DefaultPeriod) // a promise is open; a long period leaves time for more attempts
		}
		l.plan(began.Add(wait))
		timer.Reset(time.Until(began.Add(wait)))
	}
}

func (l *beatLoop) plan(due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due = due
}

// timeout ends a beat before the next one is due, and gives it time for a handshake if it can.
func (l *beatLoop) timeout(period time.Duration) time.Duration {
	share := period * time.Duration(l.limits.TimeoutPercent) / 100
	return max(share, min(l.limits.MinTimeout.Duration, period*95/100))
}

// beat makes one attempt.
func (l *beatLoop) beat(ctx context.Context, timeout, promise time.Duration) (asked time.Duration, err error) {
	l.mu.Lock()
	phase, said := l.phase, l.said
	l.said = nil
	l.mu.Unlock()
	if said != nil {
		defer close(said)
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	began := time.Now()
	asked, err = l.publisher.Publish(bounded, heartbeat.Heartbeat{
		Node:     l.node,
		Holder:   l.holder,
		BootID:   l.bootID,
		Sequence: l.sequence(),
		Phase:    phase,
		Next:     promise,
		Address:  l.address(),
	})
	if ctx.Err() != nil {
		return 0, err
	}
	l.metrics.beat(time.Since(began), err)
	l.trouble.note("beat", err)
	if err != nil && errors.Is(bounded.Err(), context.DeadlineExceeded) {
		l.overran(began)
	}
	return asked, err
}

// leave says Leaving, in one short attempt, if the end of the agent is planned.
func (l *beatLoop) leave(ctx context.Context, period time.Duration) {
	if !l.planned() {
		return
	}
	l.mu.Lock()
	l.phase = v1alpha1.PhaseLeaving
	l.mu.Unlock()
	if _, err := l.beat(ctx, l.limits.LeavingTimeout.Duration, period); err == nil {
		l.trouble.log.Info("said Leaving", "node", l.node)
	}
}
