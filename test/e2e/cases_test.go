//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// The specification, in the order in which it is played. n4 gets its agent on the way.
var cases = []testcase{
	// A node is isolated.
	{"containerd stopped", inside, "isolated", []string{"n2"}, containerdStopped},
	{"kubelet stopped", inside, "isolated", []string{"n3"}, kubeletStopped},
	{"foreign taint and cordon", inside, "isolated, released, both untouched", []string{"n2"}, foreignTaintAndCordon},
	{"leader on the node that dies", inside, "the other leads and isolates", []string{"n1", "n2", "n3"}, leaderOnTheDeadNode},

	// From here on no fault of a node can take the controller along.
	{"DaemonSets our taint would end", outside, "named in log and Event", nil, daemonSetsNamed},
	{"node never heard", outside, "not isolated: Unheard", nil, neverHeard},
	{"containerd stopped, agent is a systemd unit", outside, "isolated", []string{"n4"}, containerdStoppedHostAgent},
	{"kubelet frozen, agent is a systemd unit", outside, "isolated", []string{"n4"}, kubeletFrozenHostAgent},
	{"stand-in for CRI-O stopped", outside, "isolated: check crio", []string{"n4"}, crioStopped},
	{"agent unit killed", outside, "not isolated: AgentDown", nil, agentUnitKilled},
	{"kubelet frozen", outside, "isolated", []string{"n2"}, kubeletFrozen},
	{"containerd frozen", outside, "isolated", []string{"n3"}, containerdFrozen},
	{"node powered off", outside, "isolated: NodeDown", []string{"n3"}, poweredOff},
	{"node cut off wholly", outside, "isolated: NodeDown", []string{"n2"}, cutOff},
	{"node frozen whole", outside, "isolated: NodeDown", []string{"n1"}, frozenWhole},

	{"netfilter rules flushed", outside, "isolated: reported over the fallback", []string{"n2"}, rulesFlushed},
	{"kubelet killed for good, confirm Fast", outside, "isolated before three looks", []string{"n2"}, killedConfirmFast},

	// It is not.
	{"kill -9 containerd, confirm Fast", outside, "not isolated: Restarting comes first", nil, restartedConfirmFast},
	{"systemctl restart kubelet", outside, "not isolated", nil, kubeletRestarted},
	{"kill -9 containerd", outside, "not isolated: Restarting", nil, containerdKilled},
	{"kill -9 kubelet", outside, "not isolated: Restarting", nil, kubeletKilled},
	{"agent pod killed", outside, "not isolated: AgentDown", nil, agentPodKilled},
	{"half-cut", outside, "not isolated: heard", nil, halfCut},
	{"all nodes cut off", outside, "not isolated: Blind", nil, allCutOff},
	{"all but one cut off", outside, "not isolated: Blind", nil, allButOneCutOff},
	{"drained node shut down", outside, "not isolated: planned", nil, drainedNodeShutDown},
	{"control-plane node", outside, "left alone", nil, controlPlaneNode},
	{"last schedulable node", outside, "left alone", nil, lastSchedulableNode},
	{"policy that selects nothing", outside, "said so, nothing done", nil, selectsNothing},

	// The lock.
	{"operator lock", outside, "withheld, then decided afresh", []string{"n2"}, operatorLock},
	{"taint taken off by hand", outside, "not put back", []string{"n2"}, takenOffByHand},
	{"two faults in one window", outside, "one isolated, one withheld until the window ends", []string{"n1", "n2"}, twoFaults},
	{"leader killed mid-isolation, fault stays", outside, "the next finishes, one permit", []string{"n2"}, leaderKilledFaultStays},
	{"leader killed mid-isolation, fault goes", outside, "the next cancels, one permit", nil, leaderKilledFaultGoes},

	// Last: it removes Bulkhead.
	{"uninstall while a node is isolated", inside, "no taint is left", []string{"n2"}, uninstall},
}

func TestE2E(t *testing.T) {
	for _, c := range cases {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) { play(t, theFixture, c) })
	}
}
