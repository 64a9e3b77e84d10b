package publish

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/controller/node/isolate"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// maxMessage is what the API takes.
const maxMessage = 1024

// subject is everything that is shown of one node.
type subject struct {
	node      decision.Node
	verdict   decision.Verdict
	shown     census.Shown
	transport string
	isolation *protect.Isolation // in force or taken back by hand; nil if there is none
	withheld  *decision.Withheld // nil if nothing is
	evictions isolate.Progress
}

// brief is what a status says that people act on: when it changed, the status is written at once.
type brief struct {
	state                v1alpha1.NodeState
	reason               v1alpha1.Reason
	failing              string
	holder               string
	lease                v1alpha1.LeaseState
	action               v1alpha1.Action
	cause                v1alpha1.Reason
	permit               string
	evicted              int32
	staying              string
	withheld, withheldBy string
}

func briefOf(s v1alpha1.NodeHealthStatus) brief {
	b := brief{state: s.State, reason: s.Reason, failing: s.Failing}
	if s.Lease != nil {
		b.holder, b.lease = s.Lease.Holder, s.Lease.State
	}
	if i := s.Isolation; i != nil {
		b.action, b.cause, b.permit, b.evicted, b.staying = i.Action, i.Reason, i.Permit, i.Evicted, strings.Join(i.Staying, ",")
		if w := i.Withheld; w != nil {
			b.withheld = string(w.Action) + " " + string(w.Reason) + " " + w.Summary
			for _, by := range w.By {
				b.withheldBy += string(by) + " "
			}
		}
	}
	return b
}

// statusOf is what the controller says of a node, all but status.agent. old is what it said before.
func statusOf(s subject, old v1alpha1.NodeHealthStatus, now time.Time) v1alpha1.NodeHealthStatus {
	v := s.verdict
	next := factsOf(s)
	next.Since = old.Since
	if old.State != v.State || next.Since == nil { // a new leader did not see it begin; the old one wrote it down
		since := metav1.NewTime(v.Since)
		next.Since = &since
	}
	for _, c := range old.Conditions {
		next.Conditions = append(next.Conditions, *c.DeepCopy())
	}
	for _, c := range conditionsOf(s) {
		c.LastTransitionTime = metav1.NewTime(now)
		meta.SetStatusCondition(&next.Conditions, c) // keeps the time of a condition that did not change
	}
	return next
}

// factsOf is the part of a status that is worked out from the subject alone.
func factsOf(s subject) v1alpha1.NodeHealthStatus {
	v := s.verdict
	return v1alpha1.NodeHealthStatus{
		State: v.State, Reason: v.Reason, Message: cut(v.Message), Failing: strings.Join(v.Failing, ","),
		Lease: leaseOf(s), Isolation: isolationOf(s),
	}
}

func leaseOf(s subject) *v1alpha1.LeaseStatus {
	beat := s.node.Beat
	l := &v1alpha1.LeaseStatus{Transport: s.transport, Holder: s.shown.Holder, State: s.verdict.Lease, Missed: int32(min(s.verdict.Missed, 1<<30))}
	if beat.Heard {
		l.DurationSeconds = int32((3*beat.Next + time.Second - 1) / time.Second)
		at := metav1.NewMicroTime(beat.At)
		l.LastBeat = &at
	}
	return l
}

// isolationOf shows what stands on the node, not what was decided: the truth is the taint.
func isolationOf(s subject) *v1alpha1.IsolationStatus {
	i := v1alpha1.IsolationStatus{Action: s.node.OwnTaint}
	if i.Action != "" {
		if s.isolation != nil {
			since := metav1.NewTime(s.isolation.Since)
			i.Reason, i.Permit, i.Since = s.isolation.Reason, s.isolation.Permit, &since
		}
		i.Evicted, i.Staying = int32(s.evictions.Evicted), s.evictions.Staying
	}
	if s.withheld != nil {
		i.Withheld = withheldOf(*s.withheld)
	}
	if i.Action == "" && i.Withheld == nil {
		return nil
	}
	return &i
}

func withheldOf(w decision.Withheld) *v1alpha1.WithheldStatus {
	out := &v1alpha1.WithheldStatus{Action: w.Rung, Reason: w.Reason}
	var whys []string
	for _, h := range w.Held {
		out.By = append(out.By, h.By)
		whys = append(whys, h.Why)
	}
	out.Message = cut(strings.Join(whys, "; "))
	out.Summary = Summary(w)
	if until := w.Until(); !until.IsZero() {
		at := metav1.NewTime(until.Add(time.Second - 1).Truncate(time.Second))
		out.Until = &at
	}
	return out
}

// Summary is the brake and its end, for the WITHHELD column: "BudgetSpent until 15:04:05", in UTC.
func Summary(w decision.Withheld) string {
	if len(w.Held) == 0 {
		return ""
	}
	by := string(w.Held[0].By)
	if until := w.Until(); !until.IsZero() {
		by += " until " + until.UTC().Add(time.Second-1).Format(time.TimeOnly)
	}
	return by
}

func conditionsOf(s subject) []metav1.Condition {
	v := s.verdict
	heard := metav1.Condition{Type: v1alpha1.ConditionHeard, Status: metav1.ConditionTrue, Reason: string(v.Lease)}
	switch {
	case v.State == v1alpha1.NodeBlind:
		heard.Status, heard.Reason = metav1.ConditionUnknown, string(v1alpha1.NodeBlind)
	case v.Lease == v1alpha1.LeaseLost:
		heard.Status = metav1.ConditionFalse
	}
	healthy := metav1.Condition{Type: v1alpha1.ConditionHealthy, Status: metav1.ConditionUnknown, Reason: string(v.State), Message: cut(v.Message)}
	switch v.State {
	case v1alpha1.NodeHealthy:
		healthy.Status = metav1.ConditionTrue
	case v1alpha1.NodeUnhealthy, v1alpha1.NodeDown:
		healthy.Status, healthy.Reason = metav1.ConditionFalse, string(v.Reason)
	case v1alpha1.NodeRestarting, v1alpha1.NodeUnknown, v1alpha1.NodeSuspect, v1alpha1.NodeAgentDown, v1alpha1.NodeCutOff,
		v1alpha1.NodeBlind, v1alpha1.NodeUnheard, v1alpha1.NodeLeaving: // nobody can tell, or nobody should yet
	}
	isolated := metav1.Condition{Type: v1alpha1.ConditionIsolated, Status: metav1.ConditionFalse, Reason: "NotIsolated"}
	if s.node.OwnTaint != "" {
		isolated.Status, isolated.Reason = metav1.ConditionTrue, string(s.node.OwnTaint)
	}
	if healthy.Reason == "" {
		healthy.Reason = string(v.State)
	}
	return []metav1.Condition{heard, healthy, isolated}
}

// cut shortens a message to what the API takes, between runes.
func cut(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage-3], "") + "..."
}
