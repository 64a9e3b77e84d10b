package decision

import (
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// Fixed times. They follow from what they listen to, so they are no settings.
const (
	// LeavingBelieved is how long an agent's Leaving is believed after it was heard.
	LeavingBelieved = 10 * time.Minute
	// KubeletRenews bounds a kubelet's own renewals: every 10 s, plus 2 s for a slow API server.
	KubeletRenews = 12 * time.Second
	// Exonerates is how long an answered dial speaks for a node.
	Exonerates = 10 * time.Second
	// AskAgain is how long after a round of dials the next begins: early enough to end before the answer has expired, or
	// a node that goes on answering would be a suspect every 10 s.
	AskAgain = Exonerates - 2*time.Second
	// ReportedWithin is how long a beat may vouch for a report that is not there. They come by two watches, milliseconds
	// apart; an agent that has just started looks for 3 s before it reports.
	ReportedWithin = 10 * time.Second
)

// Policy is what people want, ready for use.
type Policy struct {
	Limits            protect.Limits
	MissedBeats       int
	AlivePercent      v1alpha1.Percent
	Correlation       v1alpha1.Percent
	CorrelationWindow time.Duration
	HealthyFor        time.Duration
	MaxHold           time.Duration
	// Ladders: the default policy's first, then those of the policies that select nodes.
	Ladders []Ladder
}

// Ladder maps faults to rungs for the nodes of one policy.
type Ladder struct {
	Policy              string
	DryRun              bool
	ProtectControlPlane bool
	Profile             v1alpha1.Profile
	Confirm             v1alpha1.Confirm
	Rules               []v1alpha1.Rule
}

// Compile makes a Policy of the default policy's spec. Its defaults must be filled in.
func Compile(spec v1alpha1.NodeIsolationPolicySpec) Policy {
	return Policy{
		Limits:            protect.LimitsOf(spec),
		MissedBeats:       int(spec.Thresholds.MissedBeats),
		AlivePercent:      spec.Thresholds.AlivePercent,
		Correlation:       spec.Thresholds.CorrelationPercent,
		CorrelationWindow: spec.Thresholds.CorrelationWindow.Duration,
		HealthyFor:        spec.Recovery.HealthyFor.Duration,
		MaxHold:           spec.Recovery.MaxHold.Duration,
		Ladders:           []Ladder{LadderOf(v1alpha1.DefaultPolicyName, spec)},
	}
}

// LadderOf makes the ladder of one policy. Its defaults must be filled in.
func LadderOf(name string, spec v1alpha1.NodeIsolationPolicySpec) Ladder {
	return Ladder{
		Policy:              name,
		DryRun:              spec.DryRun,
		ProtectControlPlane: *spec.ProtectControlPlane,
		Profile:             spec.Profile,
		Confirm:             spec.Confirm,
		Rules:               spec.Rules,
	}
}

// careful is what the profile Careful does for a failing check; what is not named is reported. Without a kubelet, a
// runtime or the pods' network a node runs no pods. Under pressure it runs those it has.
var careful = map[string]v1alpha1.Action{
	"kubelet":     v1alpha1.ActionNoExecute,
	"containerd":  v1alpha1.ActionNoExecute,
	"crio":        v1alpha1.ActionNoExecute,
	"cri-dockerd": v1alpha1.ActionNoExecute,
	"calico":      v1alpha1.ActionNoExecute,
	"ovs":         v1alpha1.ActionNoExecute,
	"netfilter":   v1alpha1.ActionNoExecute,
	"disk":        v1alpha1.ActionNoSchedule,
	"memory":      v1alpha1.ActionNoSchedule,
	"pids":        v1alpha1.ActionNoSchedule,
	"stall":       v1alpha1.ActionNoSchedule,
}

// ofCheck is the rung of the profile for a failing check.
func (l Ladder) ofCheck(name string) v1alpha1.Action {
	if l.Profile == v1alpha1.ProfileSeed {
		return v1alpha1.ActionNoExecute
	}
	if action, named := careful[name]; named {
		return action
	}
	return v1alpha1.ActionReport
}

// ofVerdict is the rung of the profile for a verdict about a silent node.
func (l Ladder) ofVerdict(state v1alpha1.NodeState) v1alpha1.Action {
	switch {
	case state == v1alpha1.NodeDown:
		return v1alpha1.ActionNoExecute
	case state == v1alpha1.NodeAgentDown && l.Profile == v1alpha1.ProfileSeed:
		return v1alpha1.ActionNoExecute
	default:
		return v1alpha1.ActionReport
	}
}
