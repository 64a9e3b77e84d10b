package loop

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
)

const (
	// attempts bounds how often a Node that keeps changing under us is read again within one pass.
	attempts = 3
	// landedFor is how long a patch that returned is waited for in the watch before it is tried again.
	landedFor = 5 * time.Second
)

// act makes the plan's actions true, releases first: they ask nobody. isolations are only carried out if the ledger
// that allows them is saved.
func (l *Loop) act(ctx context.Context, view census.View, plan decision.Plan, isSaved bool) error {
	for _, a := range plan.Actions {
		if a.Kind == decision.Release {
			l.release(ctx, view, a)
		}
	}
	for _, name := range plan.HandReleased {
		l.forgetRecord(ctx, view, name)
	}
	if !isSaved {
		return nil
	}
	for _, a := range plan.Actions {
		if a.Kind != decision.Isolate {
			continue
		}
		if err := l.isolate(ctx, view, plan, a); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loop) release(ctx context.Context, view census.View, a decision.Action) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	done, err := l.o.Isolator.Release(ctx, a)
	switch {
	case err != nil:
		l.failed(ctx, a, err)
	case done:
		l.o.Metrics.Releases.WithLabelValues(string(a.Reason)).Inc()
		l.released(view, a)
	}
}

func (l *Loop) forgetRecord(ctx context.Context, view census.View, name string) {
	for _, n := range view.Nodes {
		if n.Name != name {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		if err := l.o.Isolator.Forget(ctx, name, n.UID); err != nil {
			l.o.Log.Warn("cannot remove the record of a taint that somebody else removed", "node", name, "err", err)
		}
		cancel()
	}
}

// isolate carries one isolation out. It returns an error only if we must stop: another leads, or the ledger changed.
func (l *Loop) isolate(ctx context.Context, view census.View, plan decision.Plan, a decision.Action) error {
	if at, ok := l.landed[landing(a)]; ok && time.Since(at) < landedFor {
		return nil // it is on its way through the watch
	}
	for i := 0; i < attempts && ctx.Err() == nil; i++ {
		err := l.try(ctx, view, plan, a)
		var changed census.Changed
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrSuperseded):
			return err
		case errors.Is(err, errChanged):
			l.ledger.unreadable = "the ledger was written by somebody else" // read it again before anything else
			return nil
		case errors.As(err, &changed):
			return l.cancel(ctx, view, a, changed.Why)
		case !apierrors.IsConflict(err):
			l.failed(ctx, a, err)
			return nil
		}
	}
	return nil // the Node keeps changing; the intent stays, and the next pass tries again
}

// try is the order that makes an isolation safe, see Rechecker.Recheck for the last half of it:
//
//  1. the ledger is ours still, with this intent
//  2. everything the decision rests on is as it was; the locks come last
//  3. the Node is patched as it was read
func (l *Loop) try(ctx context.Context, view census.View, plan decision.Plan, a decision.Action) error {
	if err := l.ledger.confirm(ctx, a.Permit); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	node, err := l.o.Recheck.Recheck(ctx, a)
	if err != nil {
		return err
	}
	done, err := l.o.Isolator.Isolate(ctx, node, a)
	if err != nil {
		return err
	}
	l.landed[landing(a)] = time.Now()
	if done {
		l.o.Metrics.Isolations.WithLabelValues(string(a.Reason)).Inc()
		l.isolated(view, plan, a)
	}
	return nil
}

// cancel drops the intent: what it rested on changed. Its permit stays spent. A NoSchedule has neither.
func (l *Loop) cancel(ctx context.Context, view census.View, a decision.Action, why string) error {
	l.o.Metrics.Cancelled.Inc()
	l.cancelled(view, a, why)
	if a.Permit == "" {
		return nil
	}
	err := l.ledger.save(ctx, l.ledger.current.Cancel(a.Permit))
	if err != nil && !errors.Is(err, ErrSuperseded) {
		return nil // noted in the ledger's state; the next pass decides about the intent afresh
	}
	return err
}

// failed notes an action that is owed. The intent stays, and the next pass tries again.
func (l *Loop) failed(ctx context.Context, a decision.Action, err error) {
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return // we stopped leading
	}
	l.o.Metrics.ActionErrors.WithLabelValues(string(a.Kind)).Inc()
	l.shown.complain(l.o.Log, a, err)
}

// landing names the patch of an isolation.
func landing(a decision.Action) string { return a.UID + "/" + string(a.Rung) + "/" + a.Permit }

func (l *Loop) forgetLanded(now time.Time) {
	for key, at := range l.landed {
		if now.Sub(at) >= landedFor {
			delete(l.landed, key)
		}
	}
}
