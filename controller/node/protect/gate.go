package protect

import (
	"fmt"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// Kind is what an isolation rests on; it decides the pace.
type Kind int

// The kinds.
const (
	Reported Kind = iota // a fault the node's own agent reports
	Proven               // a silent node that every witness found silent too
	ByHand               // a person asks: skips the lock and the pace
)

// Candidate is a node somebody wants isolated.
type Candidate struct {
	Node, UID, Zone, BootID string
	ControlPlane            bool
	Kind                    Kind
	Reason                  v1alpha1.Reason
	Evidence                string
	// Protected: a person's spec.intent Protect.
	Protected bool
	// ControlPlaneProtected: the policy leaves control-plane nodes alone.
	ControlPlaneProtected bool
	// DryRun: the policy only shows what it would do.
	DryRun bool
	// Lock is the person's lock that covers the node, nil if none does.
	Lock *PersonLock
}

// PersonLock is a ProtectionLock as seen by this process: when it ends is on our clock.
type PersonLock struct {
	Name   string
	Owner  string
	Reason string
	Ends   time.Time // zero: until it is deleted
}

// Conditions are what the whole cluster is in, beyond what can be counted.
type Conditions struct {
	// Unreadable says why the ledger or the locks cannot be read; empty if they can.
	Unreadable string
	// Blind says why our own view is not to be trusted; empty if it is.
	Blind string
	// Correlated describes a check that began to fail on several nodes; empty if there is none. CorrelatedUntil is
	// when the first of these failures is too old to count.
	Correlated      string
	CorrelatedUntil time.Time
}

// Held is one brake that holds, why, and until when at the least. A zero Until: until something changes.
type Held struct {
	By    v1alpha1.Brake
	Why   string
	Until time.Time
}

// Verdict says whether one more isolation is allowed now. It is allowed when nothing holds.
type Verdict struct {
	Held []Held // the most telling first
}

// Allowed says that no brake holds.
func (v Verdict) Allowed() bool { return len(v.Held) == 0 }

// Until is the earliest moment at which the answer can be another by time alone: the latest end of the brakes that have
// one, zero if none has. A brake without an end may hold on beyond it.
func (v Verdict) Until() time.Time {
	var until time.Time
	for _, h := range v.Held {
		if h.Until.After(until) {
			until = h.Until
		}
	}
	return until
}

func (v *Verdict) hold(by v1alpha1.Brake, until time.Time, format string, args ...any) {
	v.Held = append(v.Held, Held{By: by, Why: fmt.Sprintf(format, args...), Until: until})
}

// Gate says whether one more isolation is allowed now, and if not why and until when. It is pure. Releases never ask it.
//
// A person's Isolate skips everything but the ceiling, the last schedulable node and the control plane's quorum.
func Gate(l Ledger, c Candidate, census Census, cond Conditions, lim Limits, now time.Time) Verdict {
	v := Adopt(l, c, census, cond, lim)
	if c.Kind != ByHand {
		holdBudget(&v, l, c, census, lim)
		holdPace(&v, l, c, lim, now)
	}
	return v
}

// Adopt says whether a recorded intent, whose permit is spent already, may still be carried out: everything but
// budget and pace holds it back.
func Adopt(l Ledger, c Candidate, census Census, cond Conditions, lim Limits) Verdict {
	var v Verdict
	if c.Kind != ByHand {
		holdUndecidable(&v, cond)
		holdByPerson(&v, c)
	}
	holdAbsolute(&v, c, census)
	if c.Kind != ByHand {
		if c.DryRun {
			v.hold(v1alpha1.BrakeDryRun, time.Time{}, "the policy is in dry run")
		}
		holdStorm(&v, c, census, lim)
		holdCorrelated(&v, cond)
		holdReleasedByHand(&v, l, c)
	}
	return v
}

// GateReversible says whether one more NoSchedule taint is allowed. It spends no permit: what can be taken back in
// milliseconds may be generous, up to the ceiling.
func GateReversible(l Ledger, c Candidate, census Census, cond Conditions) Verdict {
	var v Verdict
	holdUndecidable(&v, cond)
	holdByPerson(&v, c)
	if c.DryRun {
		v.hold(v1alpha1.BrakeDryRun, time.Time{}, "the policy is in dry run")
	}
	if without(census.well, c.UID) == 0 {
		v.hold(v1alpha1.BrakeLastSchedulable, time.Time{}, "no other reliable node would be left to schedule to")
	}
	if (census.Reversible+1)*100 > HardCeilingPercent*census.Nodes {
		v.hold(v1alpha1.BrakeReversibleCeiling, time.Time{}, "%d of %d nodes carry our NoSchedule taint", census.Reversible, census.Nodes)
	}
	holdReleasedByHand(&v, l, c)
	return v
}

func holdUndecidable(v *Verdict, cond Conditions) {
	if cond.Unreadable != "" {
		v.hold(v1alpha1.BrakeLedgerUnreadable, time.Time{}, "%s", cond.Unreadable)
	}
	if cond.Blind != "" {
		v.hold(v1alpha1.BrakeBlind, time.Time{}, "%s", cond.Blind)
	}
}

func holdByPerson(v *Verdict, c Candidate) {
	if c.Lock != nil {
		v.hold(v1alpha1.BrakePersonLock, c.Lock.Ends, "ProtectionLock %s of %s: %s", c.Lock.Name, c.Lock.Owner, c.Lock.Reason)
	}
	if c.Protected {
		v.hold(v1alpha1.BrakeProtected, time.Time{}, "spec.intent is Protect")
	}
	if c.ControlPlaneProtected {
		v.hold(v1alpha1.BrakeControlPlane, time.Time{}, "the policy leaves control-plane nodes alone")
	}
}

// holdAbsolute holds what no configuration and no person can wave aside.
func holdAbsolute(v *Verdict, c Candidate, census Census) {
	if c.ControlPlane {
		// With three members the quorum is two: one may go. With one or two, none.
		quorum := census.ControlPlane/2 + 1
		if left := without(census.cp, c.UID); left < quorum {
			v.hold(v1alpha1.BrakeControlPlane, time.Time{}, "%d of %d control-plane nodes would be well, the quorum is %d", left, census.ControlPlane, quorum)
		}
	}
	if without(census.well, c.UID) == 0 {
		v.hold(v1alpha1.BrakeLastSchedulable, time.Time{}, "no other reliable node would be left to schedule to")
	}
	if ours := without(census.ours, c.UID); (ours+1)*100 > HardCeilingPercent*census.Nodes {
		v.hold(v1alpha1.BrakeHardCeiling, time.Time{}, "%d of %d nodes are isolated; more than %d %% never are", ours, census.Nodes, HardCeilingPercent)
	}
}

// holdStorm closes on too many suspects: with ten nodes and 20 % two are believed, the third closes the lock.
func holdStorm(v *Verdict, c Candidate, census Census, lim Limits) {
	if s := census.Suspects; s >= 2 && s*100 > int(lim.Storm)*census.Nodes {
		v.hold(v1alpha1.BrakeStorm, time.Time{}, "%d of %d nodes are suspect", s, census.Nodes)
	} else if z := census.Zones[c.Zone]; z.Nodes >= 3 && z.Suspects >= 2 && z.Suspects*100 > int(lim.StormZone)*z.Nodes {
		v.hold(v1alpha1.BrakeStorm, time.Time{}, "%d of %d nodes of zone %q are suspect", z.Suspects, z.Nodes, c.Zone)
	}
}

func holdCorrelated(v *Verdict, cond Conditions) {
	if cond.Correlated != "" {
		v.hold(v1alpha1.BrakeCorrelated, cond.CorrelatedUntil, "%s", cond.Correlated)
	}
}

func holdReleasedByHand(v *Verdict, l Ledger, c Candidate) {
	if i, ok := l.Isolation(c.UID); ok && !i.InForce() {
		v.hold(v1alpha1.BrakeReleasedByHand, i.HandUntil, "somebody removed our taint from this node")
	}
}

func holdBudget(v *Verdict, l Ledger, c Candidate, census Census, lim Limits) {
	cluster, zone := l.spent(c.Zone)
	if limit := lim.MaxIsolated.Of(census.Nodes); cluster.n+1 > limit {
		v.hold(v1alpha1.BrakeBudgetSpent, cluster.frees, "%d of %d permits of the cluster are spent", cluster.n, limit)
	}
	if limit := lim.MaxIsolated.Of(census.Zones[c.Zone].Nodes); zone.n+1 > limit {
		v.hold(v1alpha1.BrakeZoneBudgetSpent, zone.frees, "%d of %d permits of zone %q are spent", zone.n, limit, c.Zone)
	}
	if limit := lim.MaxUnavailable.Of(census.Nodes); without(census.out, c.UID)+1 > limit {
		v.hold(v1alpha1.BrakeMaxUnavailable, time.Time{}, "%d of %d nodes are unavailable already, at most %d may be", without(census.out, c.UID), census.Nodes, limit)
	}
}

// tally counts permits, and when the first of them comes free; zero when none will by itself.
type tally struct {
	n     int
	frees time.Time
}

func (t *tally) add(ends time.Time) {
	t.n++
	if !ends.IsZero() && (t.frees.IsZero() || ends.Before(t.frees)) {
		t.frees = ends
	}
}

// spent counts permits within their window, plus isolations that outlive theirs: at most MaxIsolated at once AND in the
// window.
func (l Ledger) spent(zone string) (cluster, inZone tally) {
	live := make(map[string]bool, len(l.Permits))
	for _, p := range l.Permits {
		live[p.ID] = true
		cluster.add(p.Ends)
		if p.Zone == zone {
			inZone.add(p.Ends)
		}
	}
	for _, i := range l.Isolations {
		if !i.InForce() || i.Action != v1alpha1.ActionNoExecute || live[i.Permit] {
			continue
		}
		cluster.add(time.Time{})
		if i.Zone == zone {
			inZone.add(time.Time{})
		}
	}
	return cluster, inZone
}

// holdPace spaces isolations: reported faults per zone, proven deaths across the cluster. The first goes at once.
func holdPace(v *Verdict, l Ledger, c Candidate, lim Limits, now time.Time) {
	pace := lim.Pace
	if c.Kind == Proven {
		pace = lim.PaceNodeDown
	}
	var next time.Time
	for _, p := range l.Permits {
		if p.ByHand || (c.Kind == Reported && p.Zone != c.Zone) {
			continue
		}
		if t := p.Spent.Add(pace); t.After(next) {
			next = t
		}
	}
	if now.Before(next) {
		v.hold(v1alpha1.BrakePace, next, "another node was isolated less than %s ago", pace)
	}
}
