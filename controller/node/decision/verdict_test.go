package decision

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

func TestJudge_TheTableOfVerdicts(t *testing.T) {
	long := t0.Add(time.Minute) // everything of t0 is overdue by then
	enough := others{alive: 9, total: 9}
	for _, tc := range []struct {
		name   string
		change func(n *Node)
		blind  string
		others others
		now    time.Time
		want   v1alpha1.NodeState
		demand v1alpha1.Action
	}{
		{"heard and well", func(*Node) {}, "", enough, t0, v1alpha1.NodeHealthy, ""},
		{"never heard", func(n *Node) { n.Beat = Beat{} }, "", enough, long, v1alpha1.NodeUnheard, ""},
		{"one beat late is not silence", func(*Node) {}, "", enough, t0.Add(1300 * time.Millisecond), v1alpha1.NodeHealthy, ""},
		{"two missed are not silence", func(*Node) {}, "", enough, t0.Add(3100 * time.Millisecond), v1alpha1.NodeHealthy, ""},
		{"three missed: suspect", func(*Node) {}, "", enough, t0.Add(3200 * time.Millisecond), v1alpha1.NodeSuspect, ""},
		{"a slow promise is given its time", func(n *Node) { n.Beat.Next = 10 * beat }, "", enough, t0.Add(31 * time.Second), v1alpha1.NodeHealthy, ""},
		{"said it was leaving", func(n *Node) { n.Beat.Leaving = true }, "", enough, long, v1alpha1.NodeLeaving, ""},
		{"said so too long ago", func(n *Node) { n.Beat.Leaving = true; n.Witness.Dialed = t0.Add(2 * beat) }, "", enough, t0.Add(LeavingBelieved), v1alpha1.NodeDown, v1alpha1.ActionNoExecute},
		{"silent while we are blind", func(n *Node) { n.Witness.Dialed = t0.Add(2 * beat) }, "no pulse", enough, long, v1alpha1.NodeBlind, ""},
		{"silent, not yet dialed", func(*Node) {}, "", enough, long, v1alpha1.NodeSuspect, ""},
		{"a round of dials before the silence says nothing", func(n *Node) { n.Witness.Dialed = t0.Add(beat) }, "", enough, long, v1alpha1.NodeSuspect, ""},
		{"it answered a dial", func(n *Node) {
			n.Witness.Dialed, n.Witness.Answered = t0.Add(55*time.Second), t0.Add(55*time.Second)
		}, "", enough, long, v1alpha1.NodeAgentDown, v1alpha1.ActionReport},
		{"an answer speaks for ten seconds", func(n *Node) {
			n.Witness.Dialed, n.Witness.Answered = t0.Add(50*time.Second), t0.Add(50*time.Second)
		}, "", enough, long, v1alpha1.NodeSuspect, ""},
		{"after that a new round decides", func(n *Node) {
			n.Witness.Dialed, n.Witness.Answered = t0.Add(60*time.Second), t0.Add(50*time.Second)
		}, "", enough, long, v1alpha1.NodeDown, v1alpha1.ActionNoExecute},
		{"an answer before the silence says nothing", func(n *Node) {
			n.Witness.Dialed, n.Witness.Answered = t0.Add(2*beat), t0
		}, "", enough, t0.Add(12500 * time.Millisecond), v1alpha1.NodeDown, v1alpha1.ActionNoExecute},
		{"its kubelet renewed after the third missed beat", func(n *Node) {
			n.Witness.Dialed, n.Witness.KubeletRenewed = t0.Add(2*beat), t0.Add(50*time.Second)
		}, "", enough, long, v1alpha1.NodeAgentDown, v1alpha1.ActionReport},
		{"its kubelet renewed, but twelve seconds ago", func(n *Node) {
			n.Witness.Dialed, n.Witness.KubeletRenewed = t0.Add(2*beat), t0.Add(48*time.Second)
		}, "", enough, long, v1alpha1.NodeDown, v1alpha1.ActionNoExecute},
		{"its kubelet's renewal is not overdue yet", func(n *Node) {
			n.Witness.Dialed, n.Witness.KubeletRenewed = t0.Add(2*beat), t0.Add(2*beat)
		}, "", enough, t0.Add(13 * time.Second), v1alpha1.NodeSuspect, ""},
		{"nobody can testify", func(n *Node) { n.Witness = Witness{} }, "", enough, long, v1alpha1.NodeBlind, ""},
		{"a firewall is no proof: the kubelet alone decides", func(n *Node) { n.Witness.Calibrated = false }, "", enough, long, v1alpha1.NodeDown, v1alpha1.ActionNoExecute},
		{"too few others are heard", func(n *Node) { n.Witness.Dialed = t0.Add(2 * beat) }, "", others{alive: 5, total: 9}, long, v1alpha1.NodeBlind, ""},
		{"two thirds of the others are heard", func(n *Node) { n.Witness.Dialed = t0.Add(2 * beat) }, "", others{alive: 6, total: 9}, long, v1alpha1.NodeDown, v1alpha1.ActionNoExecute},
		{"a check fails", func(n *Node) { fail(n, "containerd") }, "", enough, t0, v1alpha1.NodeUnhealthy, v1alpha1.ActionNoExecute},
		{"our own blindness does not hide a report", func(n *Node) { fail(n, "containerd") }, "no pulse", enough, t0, v1alpha1.NodeUnhealthy, v1alpha1.ActionNoExecute},
		{"a check fails that another failure explains", func(n *Node) {
			fail(n, "kubelet")
			n.Report.Checks[1].ExplainedBy = "containerd"
		}, "", enough, t0, v1alpha1.NodeHealthy, ""},
		{"a check nobody isolates for", func(n *Node) {
			n.Report.Checks = []Check{{Name: "docker", State: v1alpha1.CheckUnhealthy, Reason: v1alpha1.ReasonDockerNotRunning}}
		}, "", enough, t0, v1alpha1.NodeUnhealthy, v1alpha1.ActionReport},
		{"the newest beat does not vouch for the report", func(n *Node) { fail(n, "containerd"); n.Beat.Sequence = 2 }, "", enough, t0, v1alpha1.NodeUnhealthy, ""},
		{"the report is of another boot", func(n *Node) { fail(n, "containerd"); n.Beat.BootID = "later" }, "", enough, t0, v1alpha1.NodeUnhealthy, ""},
		{"a report without beats is not fresh", func(n *Node) { fail(n, "containerd") }, "", enough, t0.Add(2200 * time.Millisecond), v1alpha1.NodeUnhealthy, ""},
		{"a check restarts", func(n *Node) { n.Report.Checks[0].State = v1alpha1.CheckRestarting }, "", enough, t0, v1alpha1.NodeRestarting, ""},
		{"a check cannot tell", func(n *Node) { n.Report.Checks[0].State = v1alpha1.CheckUnknown }, "", enough, t0, v1alpha1.NodeUnknown, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := healthy(1)[0]
			n.Witness.KubeletRenewed = t0
			tc.change(&n)
			v := judge(n, tc.blind, tc.others, policy(t), tc.now)
			require.Equal(t, tc.want, v.State, v.Message)
			require.Equal(t, tc.demand, v.Demand)
		})
	}
}

func TestJudge_CalmIsHealthInEverythingThatCouldIsolate(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(n *Node)
		calm   bool
	}{
		"well":                             {func(*Node) {}, true},
		"the runtime cannot be seen":       {func(n *Node) { n.Report.Checks[0].State = v1alpha1.CheckUnknown }, false},
		"the runtime restarts":             {func(n *Node) { n.Report.Checks[0].State = v1alpha1.CheckRestarting }, false},
		"docker, that nobody isolates for": {func(n *Node) { n.Report.Checks[0] = Check{Name: "docker", State: v1alpha1.CheckUnhealthy} }, true},
		"not vouched for":                  {func(n *Node) { n.Beat.Sequence++ }, false},
		"silent":                           {func(n *Node) { n.Beat.At = t0.Add(-time.Minute) }, false},
		"never heard":                      {func(n *Node) { n.Beat.Heard = false }, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := healthy(1)[0]
			tc.change(&n)
			require.Equal(t, tc.calm, judge(n, "", others{}, policy(t), t0).calm)
		})
	}
}
