package decision

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

var t0 = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

const beat = time.Second

// policy is the default policy, changed.
func policy(t testing.TB, change ...func(*v1alpha1.NodeIsolationPolicySpec)) Policy {
	t.Helper()
	var spec v1alpha1.NodeIsolationPolicySpec
	spec.Default()
	for _, c := range change {
		c(&spec)
	}
	return Compile(spec)
}

// healthy makes n nodes, n0 to n(n-1) with UIDs u0 to u(n-1), all heard at t0 and well.
func healthy(n int) []Node {
	var out []Node
	for i := range n {
		out = append(out, Node{
			Name: fmt.Sprintf("n%d", i), UID: fmt.Sprintf("u%d", i), Schedulable: true, Intent: v1alpha1.IntentAuto,
			Beat:    Beat{Heard: true, At: t0, Next: beat, Mark: fmt.Sprintf("m%d", i), BootID: "b", Sequence: 1},
			Report:  Report{Sequence: 1, BootID: "b", Checks: []Check{{Name: "containerd", State: v1alpha1.CheckHealthy}, {Name: "kubelet", State: v1alpha1.CheckHealthy}}},
			Witness: Witness{Calibrated: true, KubeletRenewed: t0.Add(-time.Second)},
		})
	}
	return out
}

// fail makes a check of the node Unhealthy.
func fail(n *Node, check string) {
	for i := range n.Report.Checks {
		if n.Report.Checks[i].Name == check {
			n.Report.Checks[i].State, n.Report.Checks[i].Reason = v1alpha1.CheckUnhealthy, v1alpha1.ReasonRuntimeNotRunning
			n.Report.Checks[i].Message = "the unit is stopped"
		}
	}
}

// silence makes the node dead for long: last heard at t0, dialed in vain, its kubelet overdue. The others were heard now.
func silence(nodes []Node, now time.Time, silent ...int) {
	for i := range nodes {
		nodes[i].Beat.At, nodes[i].Witness.KubeletRenewed = now, now
	}
	for _, i := range silent {
		nodes[i].Beat.At, nodes[i].Witness.KubeletRenewed = t0, t0
		nodes[i].Witness.Dialed = t0.Add(2 * beat)
	}
}

// world runs passes over a cluster the way the loop does: it carries the ledger and the memory over, and puts taints on
// the nodes as the plans say.
type world struct {
	t      testing.TB
	nodes  []Node
	policy Policy
	ledger protect.Ledger
	memory map[string]Memory
	blind  string
}

func newWorld(t testing.TB, nodes []Node, p Policy) *world {
	t.Helper()
	return &world{t: t, nodes: nodes, policy: p, ledger: protect.Ledger{}.Lead("a")}
}

func (w *world) decide(now time.Time) Plan {
	w.t.Helper()
	plan := Decide(Snapshot{Nodes: w.nodes, Ledger: w.ledger, Blind: w.blind, Memory: w.memory}, w.policy, now)
	w.ledger, w.memory = plan.Ledger, plan.Memory
	require.True(w.t, plan.NextCheck.After(now), "NextCheck %s is not ahead of %s", plan.NextCheck, now)
	return plan
}

// act makes the plan's actions true on the nodes.
func (w *world) act(p Plan) {
	for _, a := range p.Actions {
		for i := range w.nodes {
			if w.nodes[i].UID != a.UID {
				continue
			}
			w.nodes[i].OwnTaint, w.nodes[i].Schedulable = a.Rung, false
			if a.Kind == Release {
				w.nodes[i].OwnTaint, w.nodes[i].Schedulable = "", true
			}
		}
	}
}

func summary(p Plan) (out []string) {
	for _, a := range p.Actions {
		out = append(out, fmt.Sprintf("%s %s %s", a.Kind, a.Node, a.Reason))
	}
	for _, h := range p.Withheld {
		out = append(out, fmt.Sprintf("withheld %s %s", h.Node, h.Held[0].By))
	}
	return out
}
