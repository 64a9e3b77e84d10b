package loop

import (
	"context"
	"errors"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/controller/node/publish"
)

// shown is what was told before, so that nothing is told twice.
type shown struct {
	begun    bool
	blind    string
	ledger   string
	states   map[string]v1alpha1.NodeState
	withheld map[string]string // by UID: for which fault, on which rung, by which brake first
	errs     map[string]complaint
}

type complaint struct {
	text string
	at   time.Time
}

func newShown() shown {
	return shown{states: map[string]v1alpha1.NodeState{}, withheld: map[string]string{}, errs: map[string]complaint{}}
}

// tell logs and records what is new in this pass.
func (l *Loop) tell(view census.View, plan decision.Plan, saved error) {
	l.tellBlind(plan.Condition.Blind)
	l.tellLedger(saved)
	for _, v := range plan.Verdicts {
		l.tellVerdict(view, v)
	}
	for _, name := range plan.HandReleased {
		l.tellHandRelease(view, name)
	}
	now := map[string]string{}
	for _, w := range plan.Withheld {
		key := string(w.Rung) + " " + string(w.Reason)
		if len(w.Held) > 0 {
			key += " " + string(w.Held[0].By)
		}
		now[w.UID] = key
		if l.shown.withheld[w.UID] != key {
			l.tellWithheld(view, plan, w)
		}
	}
	l.shown.withheld, l.shown.begun = now, true
	for uid := range l.shown.states {
		if _, ok := view.Shown[uid]; !ok {
			delete(l.shown.states, uid)
		}
	}
}

func (l *Loop) tellBlind(why string) {
	was := l.shown.blind
	l.shown.blind = why
	switch {
	case was == "" && why != "":
		l.o.Log.Warn("we are blind: no silence is judged, nothing new is isolated", "reason", why)
	case was != "" && why == "":
		l.o.Log.Info("we see again")
	}
}

func (l *Loop) tellLedger(err error) {
	text := ""
	if err != nil && !errors.Is(err, errChanged) {
		text = err.Error()
	}
	was := l.shown.ledger
	l.shown.ledger = text
	switch {
	case text != "" && text != was:
		l.o.Log.Error("the ledger cannot be read or written: nothing is isolated, releases go on", "err", text)
	case text == "" && was != "":
		l.o.Log.Info("the ledger is ours", "epoch", l.ledger.epoch)
	case text == "" && !l.shown.begun:
		l.o.Log.Info("leading", "identity", l.o.Identity, "epoch", l.ledger.epoch)
	}
}

// tellVerdict tells of a change of a node's state. What a new leader finds is no change.
func (l *Loop) tellVerdict(view census.View, v decision.Verdict) {
	was := l.shown.states[v.UID]
	if was == v.State {
		return
	}
	l.shown.states[v.UID] = v.State
	if !l.shown.begun {
		return
	}
	level := slog.LevelInfo
	if was == v1alpha1.NodeBlind || v.State == v1alpha1.NodeBlind { // told once for all nodes: see tellBlind
		level = slog.LevelDebug
	}
	l.o.Log.Log(context.Background(), level, "verdict changed", "node", v.Node, "from", was, "to", v.State, "reason", v.Reason, "message", v.Message)
	object := view.Shown[v.UID].Object
	if object == nil {
		return
	}
	switch v.State {
	case v1alpha1.NodeUnhealthy, v1alpha1.NodeDown, v1alpha1.NodeAgentDown, v1alpha1.NodeSuspect, v1alpha1.NodeCutOff:
		l.o.Events.Eventf(object, nil, corev1.EventTypeWarning, string(v.State), "Judge", "%s: %s", v.Reason, v.Message)
	case v1alpha1.NodeHealthy:
		if was != "" && was != v1alpha1.NodeBlind && was != v1alpha1.NodeUnheard {
			l.o.Events.Eventf(object, nil, corev1.EventTypeNormal, string(v.State), "Judge", "The node was %s and is Healthy now.", was)
		}
	case v1alpha1.NodeRestarting, v1alpha1.NodeLeaving:
		l.o.Events.Eventf(object, nil, corev1.EventTypeNormal, string(v.State), "Judge", "%s", v.Message)
	case v1alpha1.NodeUnknown, v1alpha1.NodeBlind, v1alpha1.NodeUnheard:
		// Blind is told once for all nodes, not for each; the others are in the status.
	}
}

func (l *Loop) tellWithheld(view census.View, plan decision.Plan, w decision.Withheld) {
	why := ""
	for i, h := range w.Held {
		if i > 0 {
			why += "; "
		}
		why += string(h.By) + ": " + h.Why
	}
	l.decided("withhold", view, plan, w.Action, slog.String("by", publish.Summary(w)), slog.String("why", why))
	l.event(view, w.UID, corev1.EventTypeWarning, "IsolationWithheld", "Withhold", "%s for %s is withheld: %s", w.Rung, w.Reason, why)
}

func (l *Loop) tellHandRelease(view census.View, name string) {
	l.o.Metrics.Releases.WithLabelValues(string(v1alpha1.ReasonReleasedByHand)).Inc()
	l.o.Log.Info("decided", "decision", "handRelease", "node", name, "reason", v1alpha1.ReasonReleasedByHand, "window", l.limits.Window)
	for uid, s := range view.Shown {
		if s.Object.Name == name {
			l.event(view, uid, corev1.EventTypeNormal, string(v1alpha1.ReasonReleasedByHand), "Release",
				"Somebody removed our taint; the node is left alone for %s unless a person asks.", l.limits.Window)
		}
	}
}

func (l *Loop) isolated(view census.View, plan decision.Plan, a decision.Action) {
	l.decided("isolate", view, plan, a)
	l.event(view, a.UID, corev1.EventTypeWarning, "Isolated", "Isolate", "Tainted %s=%s:%s: %s", v1alpha1.TaintIsolated, a.Reason, a.Rung, a.Message)
}

func (l *Loop) released(view census.View, a decision.Action) {
	l.decided("release", view, decision.Plan{}, a)
	l.event(view, a.UID, corev1.EventTypeNormal, "Released", "Release", "Removed our taint %s: %s", v1alpha1.TaintIsolated, a.Message)
}

func (l *Loop) cancelled(view census.View, a decision.Action, why string) {
	l.decided("cancel", view, decision.Plan{}, a, slog.String("why", why))
	l.event(view, a.UID, corev1.EventTypeNormal, "IsolationCancelled", "Cancel", "%s for %s was decided and not done: %s", a.Rung, a.Reason, why)
}

func (l *Loop) event(view census.View, uid, kind, reason, action, format string, args ...any) {
	if object := view.Shown[uid].Object; object != nil {
		l.o.Events.Eventf(object, nil, kind, reason, action, format, args...)
	}
}

// complain logs an action that is owed: once, and again every minute while it stays.
func (s *shown) complain(log *slog.Logger, a decision.Action, err error) {
	key, now := string(a.Kind)+a.UID, time.Now()
	if old := s.errs[key]; old.text == err.Error() && now.Sub(old.at) < time.Minute {
		return
	}
	s.errs[key] = complaint{err.Error(), now}
	log.Error("cannot carry an action out, trying again", "action", a.Kind, "node", a.Node, "rung", a.Rung, "reason", a.Reason, "err", err)
}
