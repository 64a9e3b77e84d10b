package report

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

const (
	// firstLooks is how long the first report waits for every check to have been looked at once. Reporting earlier
	// would overwrite a known fault with "not looked at yet"; a check that hangs must not hold up the others for longer.
	firstLooks = 3 * time.Second
	// refreshEvery repeats the status in case somebody else changed it, or made the NodeHealth anew. The API server
	// stores nothing when nothing differs. 5 000 agents: 28 requests a second.
	refreshEvery = 3 * time.Minute
	// firstRetry doubles up to config.AgentReport.MaxRetry.
	firstRetry = 250 * time.Millisecond
)

// statusLoop writes the status when it changes.
type statusLoop struct {
	beliefs Beliefs
	writer  Writer
	timeout time.Duration
	most    time.Duration // between retries
	overran func(time.Time)
	written func() // after every attempt at a new status
	metrics *metrics
	trouble *trouble

	vouched atomic.Int64 // the sequence beats carry
	again   chan struct{}

	// Only run touches these.
	status v1alpha1.AgentStatus
	owed   bool // status is not known to be stored
	pause  time.Duration
}

func newStatusLoop(o Options, m *metrics, t *trouble) *statusLoop {
	l := &statusLoop{
		beliefs: o.Beliefs,
		writer:  o.Writer,
		timeout: o.Status.Timeout.Duration,
		most:    o.Status.MaxRetry.Duration,
		overran: o.Overran,
		metrics: m,
		trouble: t,
		again:   make(chan struct{}, 1),
		status: v1alpha1.AgentStatus{
			Sequence: time.Now().UnixMilli(), // see the package comment
			BootID:   o.BootID,
			NodeUID:  o.NodeUID,
			Version:  o.Version,
		},
	}
	l.vouched.Store(l.status.Sequence)
	return l
}

// tryNow asks for an owed status to be written without waiting for the next retry. It never waits.
func (l *statusLoop) tryNow() {
	select {
	case l.again <- struct{}{}:
	default:
	}
}

func (l *statusLoop) run(ctx context.Context) error {
	select {
	case <-l.beliefs.Looked():
	case <-time.After(firstLooks):
	case <-ctx.Done():
		return nil
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.beliefs.Changed():
		case <-timer.C:
			l.owed = true // a retry, or a refresh
		case <-l.again:
		}
		if wait, wrote := l.pass(ctx); wrote {
			timer.Reset(wait)
		}
	}
}

// pass folds what is believed and writes it if it is owed. It returns when to try or to refresh.
func (l *statusLoop) pass(ctx context.Context) (wait time.Duration, wrote bool) {
	next, changed := fold(l.status, l.beliefs.Snapshot())
	l.status, l.owed = next, l.owed || changed
	if !l.owed {
		return 0, false
	}
	err := l.write(ctx)
	if changed {
		l.vouched.Store(l.status.Sequence)
		l.written()
	}
	if err != nil {
		if l.pause = min(2*l.pause, l.most); l.pause == 0 {
			l.pause = min(firstRetry, l.most)
		}
		return l.pause/2 + rand.N(l.pause), true
	}
	l.owed, l.pause = false, 0
	return refreshEvery + rand.N(refreshEvery/4), true
}

func (l *statusLoop) write(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	began := time.Now()
	err := l.writer.Write(bounded, l.status)
	if ctx.Err() != nil {
		return err // our own end says nothing about the API server
	}
	l.metrics.wrote(err)
	l.trouble.note("status", err)
	if errors.Is(bounded.Err(), context.DeadlineExceeded) && err != nil {
		l.overran(began)
	}
	return err
}
