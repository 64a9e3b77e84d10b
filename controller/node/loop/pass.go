package loop

import (
	"context"
	"errors"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/controller/node/isolate"
	"github.com/bulkhead-dev/bulkhead/controller/node/publish"
	"github.com/bulkhead-dev/bulkhead/controller/node/taint"
)

// pass is one pass; doc.go tells its order. It returns when to begin the next.
func (l *Loop) pass(ctx context.Context, now time.Time) (next time.Time, err error) {
	l.mu.Lock()
	l.began = now
	l.mu.Unlock()
	defer func() { l.o.Metrics.PassSeconds.Observe(time.Since(now).Seconds()) }()

	if err := l.ledger.ready(ctx); err != nil {
		return now, err
	}
	now = time.Now() // the ledger may have kept us waiting
	view := l.o.Census.Snapshot(now)
	view.Ledger, view.Memory = l.ledger.current, l.memory
	if l.ledger.unreadable != "" {
		view.Unreadable = l.ledger.unreadable
	}
	plan := decision.Decide(view.Snapshot, view.Policy, now)
	l.memory, l.limits = plan.Memory, view.Policy.Limits

	saved := l.ledger.save(ctx, plan.Ledger)
	outcome := "done"
	switch {
	case errors.Is(saved, ErrSuperseded):
		return now, saved
	case errors.Is(saved, errChanged): // what was decided rests on a ledger that is no longer true
		l.o.Metrics.Passes.WithLabelValues("ledger_changed").Inc()
		return now, nil
	case saved != nil:
		outcome = "ledger_error"
	}
	l.o.Metrics.Passes.WithLabelValues(outcome).Inc()
	l.show(view, plan, saved)
	for _, uid := range plan.Ask {
		l.o.Dialer.Ask(ctx, uid, view.Shown[uid].Doors)
	}
	err = l.act(ctx, view, plan, saved == nil)
	l.o.Evictor.Keep(l.targets(view, plan))
	l.forgetLanded(now)
	if saved != nil && plan.NextCheck.After(now.Add(time.Second)) {
		return now.Add(time.Second), err // try the ledger again soon
	}
	return plan.NextCheck, err
}

// show tells everybody what was decided. None of it waits.
func (l *Loop) show(view census.View, plan decision.Plan, saved error) {
	l.o.Publisher.Publish(publish.Pass{View: view, Plan: plan, Ledger: plan.Ledger})
	l.measure(view, plan)
	l.tell(view, plan, saved)
}

// targets are the nodes to keep empty: those that carry our NoExecute taint, seen or just written, and are not about
// to be released.
func (l *Loop) targets(view census.View, plan decision.Plan) []isolate.Target {
	var out []isolate.Target
	for _, n := range view.Nodes {
		iso, known := l.ledger.current.Isolation(n.UID)
		object := view.Shown[n.UID].Object
		if n.OwnTaint != v1alpha1.ActionNoExecute || !known || !iso.InForce() || iso.Releasing || object == nil {
			continue
		}
		out = append(out, isolate.Target{UID: n.UID, Node: n.Name, Reason: taint.Of(object).Reason, Deadline: view.EvictionDeadline})
	}
	for _, a := range plan.Actions { // what landed in this pass and was not seen yet
		if _, ok := l.landed[landing(a)]; ok && a.Kind == decision.Isolate && a.Rung == v1alpha1.ActionNoExecute && !has(out, a.UID) {
			out = append(out, isolate.Target{UID: a.UID, Node: a.Node, Reason: a.Reason, Deadline: view.EvictionDeadline})
		}
	}
	return out
}

func has(targets []isolate.Target, uid string) bool {
	for _, t := range targets {
		if t.UID == uid {
			return true
		}
	}
	return false
}
