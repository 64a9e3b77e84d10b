package decision

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// Verdict is what is thought of one node.
type Verdict struct {
	Node, UID string
	State     v1alpha1.NodeState
	Reason    v1alpha1.Reason
	Message   string
	Failing   []string // names of failing checks, explained ones included
	Missed    int
	Lease     v1alpha1.LeaseState
	// Demand is the rung the ladder asks for; empty if none.
	Demand v1alpha1.Action
	Since  time.Time

	demand demand
	// unvouched is what a report asks for that the newest beat does not vouch for: never acted on, but what holds it back
	// is shown, and it counts where many failures are a reason to wait.
	unvouched demand
	// tooFewAlive: it would be NodeDown, were enough other nodes heard.
	tooFewAlive bool
	// calm: nothing demands NoSchedule or more, and every check that could is Healthy.
	calm bool
	// look is when the verdict may change by the passing of time alone; zero if it will not.
	look time.Time
}

// others says of a silent node how many of the other heard nodes were heard since it fell silent.
type others struct{ alive, total int }

// judge works the verdict out. It follows the table in doc.go from top to bottom.
func judge(n Node, blind string, o others, p Policy, now time.Time) Verdict {
	v := Verdict{Node: n.Name, UID: n.UID, Missed: n.Beat.missed(now), Lease: v1alpha1.LeaseFresh}
	switch {
	case v.Missed >= p.MissedBeats:
		v.Lease = v1alpha1.LeaseLost
	case v.Missed >= 1:
		v.Lease = v1alpha1.LeaseLate
	}
	switch {
	case !n.Beat.Heard:
		v.Lease = v1alpha1.LeaseLost
		v.say(v1alpha1.NodeUnheard, v1alpha1.ReasonUnheard, "no agent was ever heard on this node")
	case n.Beat.Leaving && now.Before(n.Beat.At.Add(LeavingBelieved)):
		v.say(v1alpha1.NodeLeaving, v1alpha1.ReasonLeaving, "the node says that it is shutting down")
		v.look = n.Beat.At.Add(LeavingBelieved)
	case v.Lease == v1alpha1.LeaseLost:
		v.silent(n, blind, o, p, now)
	default:
		v.heard(n, p)
		v.look = n.Beat.overdue(v.Missed + 1)
	}
	v.demand = p.Ladders[n.Ladder].demandOf(v.faults(n))
	if v.State == v1alpha1.NodeUnhealthy {
		if v.demand.action != "" {
			v.Reason, v.Message = v.demand.reason, v.demand.message
		}
		if !v.isFresh(n) {
			v.demand, v.unvouched = demand{}, v.demand
			v.Message = "not vouched for by the newest beat: " + v.Message
		}
	}
	v.Demand = v.demand.action
	return v
}

func (v *Verdict) say(s v1alpha1.NodeState, r v1alpha1.Reason, format string, args ...any) {
	v.State, v.Reason, v.Message = s, r, fmt.Sprintf(format, args...)
}

// silent judges a node that missed its beats, by what its witnesses say.
func (v *Verdict) silent(n Node, blind string, o others, p Policy, now time.Time) {
	w := n.Witness
	silentSince := n.Beat.overdue(1)
	suspectAt := n.Beat.overdue(p.MissedBeats)
	kubeletDue := w.KubeletRenewed.Add(KubeletRenews)
	switch {
	case blind != "":
		v.say(v1alpha1.NodeBlind, v1alpha1.ReasonBlind, "%d beats missed, but our own view is not to be trusted: %s", v.Missed, blind)
	case !w.Answered.Before(silentSince) && now.Before(w.Answered.Add(Exonerates)):
		v.say(v1alpha1.NodeAgentDown, v1alpha1.ReasonAgentDown, "%d beats missed, but the node answered a dial", v.Missed)
		v.look = w.Answered.Add(Exonerates)
	case w.KubeletRenewed.After(suspectAt) && now.Before(kubeletDue):
		v.say(v1alpha1.NodeAgentDown, v1alpha1.ReasonAgentDown, "%d beats missed, but its kubelet renewed its own Lease since", v.Missed)
		v.look = kubeletDue
	case w.Calibrated && w.Dialed.Before(silentSince):
		v.say(v1alpha1.NodeSuspect, v1alpha1.ReasonSilent, "%d beats missed; dialing the node", v.Missed)
	case w.Calibrated && !w.Answered.Before(silentSince) && w.Dialed.Before(w.Answered.Add(Exonerates)):
		v.say(v1alpha1.NodeSuspect, v1alpha1.ReasonSilent, "%d beats missed; it answered a dial before, dialing again", v.Missed)
	case w.KubeletRenewed.IsZero():
		v.say(v1alpha1.NodeBlind, v1alpha1.ReasonBlind, "%d beats missed, but its kubelet's Lease was never seen: nobody can testify", v.Missed)
	case now.Before(kubeletDue):
		v.say(v1alpha1.NodeSuspect, v1alpha1.ReasonSilent, "%d beats missed; waiting for its kubelet's own renewal", v.Missed)
		v.look = kubeletDue
	case o.total == 0 || o.alive*100 < int(p.AlivePercent)*o.total: // of nobody, two thirds are nobody
		v.say(v1alpha1.NodeBlind, v1alpha1.ReasonBlind, "%d beats missed, but only %d of %d other nodes were heard since: the fault may be ours", v.Missed, o.alive, o.total)
		v.tooFewAlive = true
	default:
		v.say(v1alpha1.NodeDown, v1alpha1.ReasonNodeDown, "%d beats missed, and no witness heard it: dials and its kubelet are silent too", v.Missed)
	}
}

// heard judges a node whose beats arrive, by what its agent reports.
func (v *Verdict) heard(n Node, p Policy) {
	v.say(v1alpha1.NodeHealthy, "", "")
	v.calm = v.isFresh(n)
	ladder := p.Ladders[n.Ladder]
	for _, c := range sorted(n.Report.Checks) {
		if c.State != v1alpha1.CheckHealthy && ladder.strongest(c.Name).Severity() >= v1alpha1.ActionNoSchedule.Severity() {
			v.calm = false
		}
		switch c.State {
		case v1alpha1.CheckUnhealthy, v1alpha1.CheckFailing:
			if c.State == v1alpha1.CheckFailing && !(c.isFast() && ladder.believes(faultOf(c))) {
				continue // not confirmed yet, or not well enough for the policy
			}
			v.Failing = append(v.Failing, c.Name)
			if c.ExplainedBy == "" && v.State != v1alpha1.NodeUnhealthy {
				v.say(v1alpha1.NodeUnhealthy, c.Reason, "%s: %s", c.Name, c.Message)
			}
		case v1alpha1.CheckRestarting:
			if v.State == v1alpha1.NodeHealthy || v.State == v1alpha1.NodeUnknown {
				v.say(v1alpha1.NodeRestarting, v1alpha1.ReasonRestarting, "%s: %s", c.Name, c.Message)
			}
		case v1alpha1.CheckUnknown:
			if v.State == v1alpha1.NodeHealthy {
				v.say(v1alpha1.NodeUnknown, c.Reason, "%s: %s", c.Name, c.Message)
			}
		case v1alpha1.CheckHealthy:
		}
	}
}

// isFresh: the newest beat belongs to the report at hand, and it is not late by more than one.
func (v *Verdict) isFresh(n Node) bool { return n.isVouchedFor() && v.Missed <= 1 }

// faults are what the ladder is asked about: the verdict itself for a silent node, else the failing checks that no
// other failure explains.
func (v *Verdict) faults(n Node) []fault {
	switch v.State {
	case v1alpha1.NodeDown, v1alpha1.NodeAgentDown, v1alpha1.NodeCutOff:
		return []fault{{verdict: v.State, reason: v.Reason, message: v.Message}}
	case v1alpha1.NodeUnhealthy:
	default:
		return nil
	}
	var out []fault
	for _, c := range sorted(n.Report.Checks) {
		if c.IsFault() {
			out = append(out, faultOf(c))
		}
	}
	return out
}

func faultOf(c Check) fault {
	return fault{check: c.Name, reason: c.Reason, message: c.Name + ": " + c.Message, fast: c.isFast()}
}

// sorted orders checks by name, so that the order of a report decides nothing.
func sorted(checks []Check) []Check {
	if slices.IsSortedFunc(checks, byName) {
		return checks
	}
	checks = slices.Clone(checks)
	slices.SortFunc(checks, byName)
	return checks
}

func byName(a, b Check) int { return strings.Compare(a.Name, b.Name) }
