package decision

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// idle is how long to wait when nothing is due by itself.
const idle = 10 * time.Second

// Decide is pure: equal arguments give equal plans, and now is the only clock.
func Decide(s Snapshot, p Policy, now time.Time) Plan {
	d := decider{policy: p, now: now, next: now.Add(idle)}
	d.nodes = slices.Clone(s.Nodes)
	slices.SortFunc(d.nodes, func(a, b Node) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.UID, b.UID)) })
	d.ledger = s.Ledger.Prune(now)
	d.cond = protect.Conditions{Unreadable: s.Unreadable, Blind: s.Blind}
	d.judgeAll(s)
	d.remember(s.Memory)
	d.correlate()
	d.forgetDeleted()
	d.census = protect.Count(d.counted(), d.ledger)
	d.settle()
	d.carryOn()
	d.releaseCalm()
	d.isolate()
	d.withholdUnvouched()
	d.withholdDoubted()
	return d.plan()
}

// decider is one call of Decide.
type decider struct {
	policy   Policy
	now      time.Time
	nodes    []Node // by name
	verdicts []Verdict
	ledger   protect.Ledger
	cond     protect.Conditions
	census   protect.Census
	memory   map[string]Memory
	next     time.Time

	actions  []Action
	withheld []Withheld
	byHand   []string
	doubted  []int // nodes that would be called down, were enough others alive
	ask      []string
}

func (d *decider) judgeAll(s Snapshot) {
	alive := aliveSince(d.nodes)
	d.verdicts = make([]Verdict, len(d.nodes))
	for i, n := range d.nodes {
		v := judge(n, s.Blind, alive(n), d.policy, d.now)
		if v.tooFewAlive && n.Departing == "" {
			d.doubted = append(d.doubted, i)
		}
		if n.Departing != "" && v.Demand != "" {
			v.Reason, v.Message = v1alpha1.ReasonPlannedDeparture, n.Departing
			v.Demand, v.demand = "", demand{}
		}
		if n.Departing != "" {
			v.unvouched = demand{}
		}
		if wantsDial(n, v, d.now) {
			d.ask = append(d.ask, n.UID)
		} else if v.Lease == v1alpha1.LeaseLost {
			d.lookAt(n.Witness.Dialed.Add(AskAgain))
		}
		d.lookAt(v.look)
		d.verdicts[i] = v
	}
}

// wantsDial: the first promised beat was missed, and no round of dials since says anything that is believed much longer.
func wantsDial(n Node, v Verdict, now time.Time) bool {
	if !n.Beat.Heard || v.Missed < 1 || v.State == v1alpha1.NodeLeaving {
		return false
	}
	w := n.Witness
	return w.Dialed.Before(n.Beat.overdue(1)) || !now.Before(w.Dialed.Add(AskAgain))
}

// aliveSince answers, for a silent node, how many of the other heard nodes were heard after it fell silent. It sorts
// the beats once, so that a thousand silent nodes cost a thousand binary searches.
func aliveSince(nodes []Node) func(Node) others {
	var beats []time.Time
	for _, n := range nodes {
		if n.Beat.Heard && !n.Beat.Leaving && n.Departing == "" {
			beats = append(beats, n.Beat.At)
		}
	}
	slices.SortFunc(beats, time.Time.Compare)
	return func(n Node) others {
		since := n.Beat.overdue(1)
		at, _ := slices.BinarySearchFunc(beats, since, func(b, s time.Time) int {
			if b.After(s) {
				return 1
			}
			return -1
		})
		total := len(beats)
		if n.Beat.Heard && !n.Beat.Leaving && n.Departing == "" {
			total-- // the node itself; its own beat is older than its silence
		}
		return others{alive: len(beats) - at, total: total}
	}
}

// remember folds the verdicts into what the next pass needs to know.
func (d *decider) remember(old map[string]Memory) {
	d.memory = make(map[string]Memory, len(d.nodes))
	for i, n := range d.nodes {
		v := &d.verdicts[i]
		m := old[n.UID]
		m.UnvouchedSince = d.unvouched(n, v, m.UnvouchedSince)
		if m.State != v.State {
			m.State, m.Since = v.State, d.now
		}
		v.Since = m.Since
		switch {
		case !v.calm:
			m.CalmSince = time.Time{}
		case m.CalmSince.IsZero():
			m.CalmSince = d.now
		}
		if v.State != v1alpha1.NodeBlind && v.Lease != v1alpha1.LeaseLost {
			m = m.withChecks(n.Report.Checks, d.policy.CorrelationWindow, d.now)
		}
		d.memory[n.UID] = m
	}
}

// unvouched keeps a node from being called Healthy whose report is missing for longer than ReportedWithin.
func (d *decider) unvouched(n Node, v *Verdict, since time.Time) time.Time {
	if v.State != v1alpha1.NodeHealthy || n.isVouchedFor() {
		return time.Time{}
	}
	if since.IsZero() {
		since = d.now
	}
	if due := since.Add(ReportedWithin); d.now.Before(due) {
		d.lookAt(due)
	} else {
		v.say(v1alpha1.NodeUnknown, v1alpha1.ReasonNotReported, "heard, but the report that its beats vouch for has not come")
	}
	return since
}

// withChecks notes which checks fail, and when each began to. A check that recovered keeps its onset for the window:
// a fault that hops from node to node is one event.
func (m Memory) withChecks(checks []Check, window time.Duration, now time.Time) Memory {
	failing := map[string]bool{}
	onset := map[string]time.Time{}
	for name, at := range m.Onset {
		if m.Failing[name] || now.Sub(at) < window {
			onset[name] = at
		}
	}
	for _, c := range checks {
		if !c.IsFault() {
			continue
		}
		failing[c.Name] = true
		if !m.Failing[c.Name] {
			onset[c.Name] = now
		}
	}
	m.Failing, m.Onset = failing, onset
	return m
}

// correlate looks for a check that began to fail on several nodes within the window: the cause is outside them.
func (d *decider) correlate() {
	having, failing := map[string]int{}, map[string]int{}
	first := map[string]time.Time{}
	for _, n := range d.nodes {
		for _, c := range n.Report.Checks {
			having[c.Name]++
		}
		ladder := d.policy.Ladders[n.Ladder]
		for name, at := range d.memory[n.UID].Onset {
			if d.now.Sub(at) >= d.policy.CorrelationWindow || ladder.strongest(name) != v1alpha1.ActionNoExecute {
				continue
			}
			failing[name]++
			if t, ok := first[name]; !ok || at.Before(t) {
				first[name] = at
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(failing)) {
		n := failing[name]
		if n < 2 || n*100 <= int(d.policy.Correlation)*having[name] {
			continue
		}
		d.cond.Correlated = fmt.Sprintf("check %s began to fail on %d of %d nodes within %s", name, n, having[name], d.policy.CorrelationWindow)
		d.cond.CorrelatedUntil = first[name].Add(d.policy.CorrelationWindow)
		d.lookAt(d.cond.CorrelatedUntil)
		return
	}
}

// forgetDeleted returns the permits of nodes whose UID no longer exists. An empty cluster is no reason to forget
// everything: it is a view that has not been filled yet.
func (d *decider) forgetDeleted() {
	if len(d.nodes) == 0 || d.cond.Blind != "" {
		return
	}
	known := make(map[string]bool, len(d.nodes))
	for _, n := range d.nodes {
		known[n.UID] = true
	}
	var gone []string
	for _, p := range d.ledger.Permits {
		gone = append(gone, p.UID)
	}
	for _, i := range d.ledger.Isolations {
		gone = append(gone, i.UID)
	}
	for _, uid := range gone {
		if !known[uid] {
			d.ledger = d.ledger.Forget(uid)
		}
	}
}

// counted is the nodes as the census counts them.
func (d *decider) counted() []protect.Node {
	out := make([]protect.Node, len(d.nodes))
	for i, n := range d.nodes {
		v := d.verdicts[i]
		silent := v.Lease == v1alpha1.LeaseLost && v.State != v1alpha1.NodeUnheard && v.State != v1alpha1.NodeLeaving && v.State != v1alpha1.NodeAgentDown
		out[i] = protect.Node{
			UID: n.UID, Zone: n.Zone, ControlPlane: n.ControlPlane,
			Schedulable: n.Schedulable, Unavailable: n.Unavailable,
			Suspect: n.Departing == "" && (silent || v.Demand == v1alpha1.ActionNoExecute || v.unvouched.action == v1alpha1.ActionNoExecute),
		}
	}
	return out
}

func (d *decider) lookAt(t time.Time) {
	if t.After(d.now) && t.Before(d.next) {
		d.next = t
	}
}

func (d *decider) plan() Plan {
	for _, p := range d.ledger.Permits {
		d.lookAt(p.Ends)
	}
	return Plan{
		Ledger: d.ledger, Actions: d.actions, Withheld: d.withheld, HandReleased: d.byHand,
		Verdicts: d.verdicts, Ask: d.ask, Memory: d.memory,
		Census: d.census, Condition: d.cond, NextCheck: d.next,
	}
}
