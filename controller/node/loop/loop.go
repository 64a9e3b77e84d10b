package loop

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"

	"github.com/bulkhead-dev/bulkhead/controller/metrics"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/controller/node/isolate"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
	"github.com/bulkhead-dev/bulkhead/controller/node/publish"
	"github.com/bulkhead-dev/bulkhead/internal/ledgerstore"
)

const (
	// minPause keeps a storm of changes from being a storm of passes.
	minPause = 50 * time.Millisecond
	// callTimeout bounds each call to the API server; a healthy one answers in milliseconds.
	callTimeout = 2 * time.Second
	// longestWait is the longest planned wait, see decision: Healthy allows half as much again.
	longestWait = 10 * time.Second
)

// ErrSuperseded says that a later leader owns the ledger. main branches on it: this process must not act, and may
// stand for election again.
var ErrSuperseded = errors.New("a later epoch owns the ledger: another controller leads")

// Census is what the loop reads: census.Census.
type Census interface {
	Snapshot(now time.Time) census.View
	Changed() <-chan struct{}
}

// Rechecker reads again what an isolation rests on: census.Rechecker.
type Rechecker interface {
	Recheck(ctx context.Context, a decision.Action) (*corev1.Node, error)
}

// Isolator makes actions true: isolate.Isolator.
type Isolator interface {
	Isolate(ctx context.Context, node *corev1.Node, a decision.Action) (done bool, err error)
	Release(ctx context.Context, a decision.Action) (done bool, err error)
	Forget(ctx context.Context, node, uid string) error
}

// Evictor keeps nodes empty: isolate.Evictor.
type Evictor interface {
	Keep(targets []isolate.Target)
}

// Dialer asks silent nodes: dial.Dialer.
type Dialer interface {
	Ask(ctx context.Context, uid string, addresses []string)
}

// Publisher shows what was decided: publish.Publisher.
type Publisher interface {
	Publish(p publish.Pass)
}

// Options are the parts of a loop.
type Options struct {
	Identity  string
	Census    Census
	Recheck   Rechecker
	Store     ledgerstore.Store
	Isolator  Isolator
	Evictor   Evictor
	Dialer    Dialer
	Publisher Publisher
	Events    events.EventRecorder
	Metrics   *metrics.Set
	Log       *slog.Logger
	// Woken is signalled by dials and evictions.
	Woken <-chan struct{}
}

// A Loop decides for one term of leadership: make a new one for the next.
type Loop struct {
	o Options

	// For the goroutine of Run alone.
	ledger ledger
	memory map[string]decision.Memory
	shown  shown
	landed map[string]time.Time // isolations whose patch returned, until the taint is seen
	limits protect.Limits

	mu    sync.Mutex // guards everything below
	began time.Time  // of the last pass
}

// New is a loop for one term.
func New(o Options) *Loop {
	return &Loop{o: o, landed: map[string]time.Time{}, shown: newShown(), ledger: ledger{store: o.Store, identity: o.Identity}}
}

// Run decides until ctx ends, or until another leads: ErrSuperseded.
func (l *Loop) Run(ctx context.Context) error {
	l.o.Metrics.Leader.Set(1)
	defer l.unmeasure()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-l.o.Census.Changed():
		case <-l.o.Woken:
		}
		next, err := l.pass(ctx, time.Now())
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(minPause):
		}
		timer.Reset(time.Until(next))
	}
}

// Healthy says whether passes are turning: it fails when the last one began more than 1.5 of the longest planned wait ago.
func (l *Loop) Healthy(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.began.IsZero() && now.Sub(l.began) > longestWait*3/2 {
		return errors.New("the last pass began " + now.Sub(l.began).Round(time.Second).String() + " ago")
	}
	return nil
}
