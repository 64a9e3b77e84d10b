package decision

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// settle compares the ledger with what stands on the nodes: an intent whose taint is there is done, a taint of ours
// that the ledger does not know is taken in, and one that somebody else removed is a release by hand.
func (d *decider) settle() {
	for _, n := range d.nodes {
		if i, ok := d.ledger.Intent(n.UID); ok && n.OwnTaint.Severity() >= i.Action.Severity() {
			d.ledger = d.ledger.Done(i.Permit, d.now)
			continue
		}
		iso, known := d.ledger.Isolation(n.UID)
		switch {
		case n.OwnTaint == "" && known && iso.Releasing:
			d.ledger = d.ledger.Release(n.UID)
		case n.OwnTaint == "" && known && iso.InForce():
			d.ledger = d.ledger.ReleasedByHand(n.UID, d.now, d.policy.Limits.Window)
			d.byHand = append(d.byHand, n.Name)
		case n.OwnTaint != "" && (!known || !iso.InForce()):
			d.ledger = d.ledger.Impose(protect.Isolation{
				UID: n.UID, Node: n.Name, Zone: n.Zone, BootID: n.Beat.BootID, Action: n.OwnTaint, Since: d.now,
			})
		case n.OwnTaint.Severity() > iso.Action.Severity(): // it landed, and its intent was cancelled: it counts all the same
			iso.Action = n.OwnTaint
			d.ledger = d.ledger.Impose(iso)
		}
	}
}

// carryOn decides about intents that were recorded and are not done: carry them out under their permit, wait while we
// cannot tell, or cancel.
func (d *decider) carryOn() {
	for i, n := range d.nodes {
		intent, ok := d.ledger.Intent(n.UID)
		if !ok {
			continue
		}
		v := d.verdicts[i]
		c := d.candidate(n, v)
		gate := protect.Adopt(d.ledger, c, d.census, d.cond, d.policy.Limits)
		switch {
		case c.Evidence != "" && c.Evidence == intent.Evidence && gate.Allowed():
			d.ledger = d.ledger.Adopt(intent.Permit)
			d.actions = append(d.actions, d.isolation(n, v, c, intent.Permit))
		case d.undecided(n, v):
			d.withhold(n, v, c, gate)
		default:
			d.ledger = d.ledger.Cancel(intent.Permit)
		}
	}
}

// undecided: nothing speaks against the intent yet, but nothing fresh speaks for it either.
func (d *decider) undecided(n Node, v Verdict) bool {
	switch {
	case n.Intent == v1alpha1.IntentIsolate: // a person has asked since, who waits for nothing
		return false
	case d.cond.Blind != "", d.cond.Unreadable != "":
		return true
	case v.State == v1alpha1.NodeUnhealthy:
		return n.Report.Sequence != n.Beat.Sequence || v.Missed > 1
	default:
		return v.State == v1alpha1.NodeBlind || v.State == v1alpha1.NodeSuspect
	}
}

// releaseCalm takes our taint back from nodes that have been calm for long enough. It asks no gate.
func (d *decider) releaseCalm() {
	for _, n := range d.nodes {
		iso, ok := d.ledger.Isolation(n.UID)
		if !ok || !iso.InForce() || n.OwnTaint == "" {
			continue
		}
		since := d.memory[n.UID].CalmSince
		if !iso.Releasing {
			if since.IsZero() || n.Intent == v1alpha1.IntentIsolate {
				continue
			}
			if free := since.Add(d.hold(iso)); d.now.Before(free) {
				d.lookAt(free)
				continue
			}
			d.ledger = d.ledger.Releasing(n.UID)
		}
		d.actions = append(d.actions, Action{
			Kind: Release, Node: n.Name, UID: n.UID, Rung: n.OwnTaint, Reason: v1alpha1.ReasonRecovered,
			Message: calmFor(since, d.now), Policy: d.policy.Ladders[n.Ladder].Policy,
		})
	}
}

func calmFor(since, now time.Time) string {
	if since.IsZero() {
		return "decided before"
	}
	return "healthy for " + now.Sub(since).Round(time.Second).String()
}

// hold is how long a node must be calm: it doubles with every isolation of the node in HistoryFor.
// With 60s: 60s the first time, 2m the second, 4m the third, at most MaxHold.
func (d *decider) hold(iso protect.Isolation) time.Duration {
	hold := d.policy.HealthyFor
	for range d.ledger.Times(iso.Node, iso.BootID) - 1 {
		if hold *= 2; hold >= d.policy.MaxHold {
			return max(d.policy.MaxHold, d.policy.HealthyFor)
		}
	}
	return hold
}

// isolate asks the gate about every node the ladder or a person wants isolated: people first, then the oldest fault.
func (d *decider) isolate() {
	for _, i := range d.wanted() {
		n, v := d.nodes[i], d.verdicts[i]
		c := d.candidate(n, v)
		rung := v.Demand
		if c.Kind == protect.ByHand {
			rung = v1alpha1.ActionNoExecute
		}
		if gate := d.gate(rung, c); !gate.Allowed() {
			d.withhold(n, v, c, gate)
			continue
		}
		if rung == v1alpha1.ActionNoSchedule {
			d.census.Restrict(n.UID)
			d.actions = append(d.actions, d.isolation(n, v, c, ""))
			continue
		}
		var intent protect.Intent
		d.ledger, intent = d.ledger.Record(c, d.policy.Limits.Window, d.now)
		d.census.Isolate(n.UID)
		d.actions = append(d.actions, d.isolation(n, v, c, intent.Permit))
	}
}

// gate asks the brakes about a rung: those of a NoSchedule, which anybody can take back unharmed, are fewer.
func (d *decider) gate(rung v1alpha1.Action, c protect.Candidate) protect.Verdict {
	if rung == v1alpha1.ActionNoSchedule {
		return protect.GateReversible(d.ledger, c, d.census, d.cond)
	}
	return protect.Gate(d.ledger, c, d.census, d.cond, d.policy.Limits, d.now)
}

// wanted lists the nodes somebody wants isolated further than they are.
func (d *decider) wanted() []int {
	var out []int
	for i, n := range d.nodes {
		want := d.verdicts[i].Demand
		if n.Intent == v1alpha1.IntentIsolate {
			want = v1alpha1.ActionNoExecute
		}
		if _, recorded := d.ledger.Intent(n.UID); recorded || !isFurther(n, want) {
			continue
		}
		out = append(out, i)
	}
	byHand := func(i int) int {
		if d.nodes[i].Intent == v1alpha1.IntentIsolate {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b int) int {
		return cmp.Or(byHand(a)-byHand(b), d.verdicts[a].Since.Compare(d.verdicts[b].Since), strings.Compare(d.nodes[a].UID, d.nodes[b].UID))
	})
	return out
}

// isFurther says that an action would isolate the node, and further than it is.
func isFurther(n Node, want v1alpha1.Action) bool {
	return want.Severity() >= v1alpha1.ActionNoSchedule.Severity() && n.OwnTaint.Severity() < want.Severity()
}

// candidate is the node as the gate sees it.
func (d *decider) candidate(n Node, v Verdict) protect.Candidate {
	ladder := d.policy.Ladders[n.Ladder]
	c := protect.Candidate{
		Node: n.Name, UID: n.UID, Zone: n.Zone, BootID: n.Beat.BootID, ControlPlane: n.ControlPlane,
		Kind: protect.Reported, Reason: v.demand.reason, Evidence: Evidence(n, v),
		Protected:             n.Intent == v1alpha1.IntentProtect,
		ControlPlaneProtected: n.ControlPlane && ladder.ProtectControlPlane,
		DryRun:                ladder.DryRun,
		Lock:                  n.Lock,
	}
	switch {
	case n.Intent == v1alpha1.IntentIsolate:
		c.Kind, c.Reason = protect.ByHand, v1alpha1.ReasonByHand
	case v.State == v1alpha1.NodeDown:
		c.Kind = protect.Proven
	}
	return c
}

// Evidence identifies what an isolation of the node would rest on, so that it can be compared with what is read afresh
// before acting: for a silent node the last beat and, if it is held to be dead, its kubelet's last renewal; for a reported
// fault the boot and the failing check.
func Evidence(n Node, v Verdict) string {
	switch {
	case n.Intent == v1alpha1.IntentIsolate:
		return "intent"
	case v.demand.trigger == "":
		return ""
	case v.State == v1alpha1.NodeDown:
		return EvidenceOfDeath(n.Beat.Mark, n.Witness.KubeletMark)
	case v.Lease == v1alpha1.LeaseLost:
		return EvidenceOfSilence(n.Beat.Mark)
	default:
		return EvidenceOfFailure(n.Beat.BootID, v.demand.trigger)
	}
}

// EvidenceOfSilence is that no beat came after the one with this mark.
func EvidenceOfSilence(mark string) string { return "silent:" + mark }

// EvidenceOfDeath is that, and that the kubelet did not renew its Lease after the renewal with this mark.
func EvidenceOfDeath(mark, kubelet string) string {
	return EvidenceOfSilence(mark) + " kubelet:" + kubelet
}

// EvidenceOfFailure is that a check fails on this boot.
func EvidenceOfFailure(bootID, check string) string { return "check:" + bootID + "/" + check }

func (d *decider) isolation(n Node, v Verdict, c protect.Candidate, permit string) Action {
	a := Action{
		Kind: Isolate, Node: n.Name, UID: n.UID, Rung: v.Demand, Reason: c.Reason, Message: v.demand.message,
		Permit: permit, Evidence: c.Evidence, Policy: d.policy.Ladders[n.Ladder].Policy,
	}
	if c.Kind == protect.ByHand {
		a.Rung, a.Message, a.ByHand = v1alpha1.ActionNoExecute, n.IntentReason, true
	}
	return a
}

// withholdUnvouched shows what holds a fault back whose report waits for its beat. If nothing does, nothing is shown: the
// beat is on its way, and what it vouches for is decided then.
func (d *decider) withholdUnvouched() {
	for i, n := range d.nodes {
		v := d.verdicts[i]
		v.demand, v.Demand = v.unvouched, v.unvouched.action
		_, recorded := d.ledger.Intent(n.UID)
		if recorded || n.Intent == v1alpha1.IntentIsolate || !isFurther(n, v.Demand) {
			continue
		}
		c := d.candidate(n, v)
		if gate := d.gate(v.Demand, c); !gate.Allowed() {
			d.withhold(n, v, c, gate)
		}
	}
}

// withholdDoubted shows what would be done about nodes whose silence cannot be judged.
func (d *decider) withholdDoubted() {
	for _, i := range d.doubted {
		n, v := d.nodes[i], d.verdicts[i]
		if _, recorded := d.ledger.Intent(n.UID); recorded {
			continue
		}
		down := fault{verdict: v1alpha1.NodeDown, reason: v1alpha1.ReasonNodeDown, message: v.Message}
		want := d.policy.Ladders[n.Ladder].demandOf([]fault{down})
		if !isFurther(n, want.action) {
			continue
		}
		d.withheld = append(d.withheld, Withheld{
			Action: Action{
				Kind: Isolate, Node: n.Name, UID: n.UID, Rung: want.action, Reason: want.reason, Message: want.message,
				Policy: d.policy.Ladders[n.Ladder].Policy,
			},
			Verdict: protect.Verdict{Held: []protect.Held{{By: v1alpha1.BrakeTooFewAlive, Why: v.Message}}},
		})
	}
}

func (d *decider) withhold(n Node, v Verdict, c protect.Candidate, gate protect.Verdict) {
	d.lookAt(gate.Until())
	if gate.Allowed() {
		gate.Held = []protect.Held{{By: v1alpha1.BrakeBlind, Why: "decided before; waiting for fresh evidence"}}
	}
	d.withheld = append(d.withheld, Withheld{Action: d.isolation(n, v, c, ""), Verdict: gate})
}
