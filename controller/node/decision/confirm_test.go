package decision

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// failFast makes a check fail as an event and the looks after it show it.
func failFast(n *Node, check string, confirmed bool) {
	fail(n, check)
	for i := range n.Report.Checks {
		if n.Report.Checks[i].Name == check {
			n.Report.Checks[i].State, n.Report.Checks[i].ConfirmedFast = v1alpha1.CheckFailing, confirmed
		}
	}
}

// TestDecide_Confirm is the specification of who believes what is not Unhealthy yet.
func TestDecide_Confirm(t *testing.T) {
	rule := func(confirm v1alpha1.Confirm) []v1alpha1.Rule {
		return []v1alpha1.Rule{{
			Name: "r", Match: v1alpha1.MatchAny, Terms: []v1alpha1.Term{{Check: "containerd"}}, Confirm: confirm, Action: v1alpha1.ActionNoExecute,
		}}
	}
	isolated := []string{"Isolate n3 RuntimeNotRunning"}
	for name, c := range map[string]struct {
		policy    v1alpha1.Confirm
		rules     []v1alpha1.Rule
		confirmed bool
		want      []string
	}{
		"polled waits for three looks":                     {policy: v1alpha1.ConfirmPolled, confirmed: true},
		"fast believes what was confirmed":                 {policy: v1alpha1.ConfirmFast, confirmed: true, want: isolated},
		"fast does not believe a single look":              {policy: v1alpha1.ConfirmFast},
		"a rule may be fast in a polled policy":            {policy: v1alpha1.ConfirmPolled, rules: rule(v1alpha1.ConfirmFast), confirmed: true, want: isolated},
		"a rule may be polled in a fast policy":            {policy: v1alpha1.ConfirmFast, rules: rule(v1alpha1.ConfirmPolled), confirmed: true},
		"a rule that says nothing does as the policy does": {policy: v1alpha1.ConfirmFast, rules: rule(""), confirmed: true, want: isolated},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, healthy(10), policy(t, func(s *v1alpha1.NodeIsolationPolicySpec) { s.Confirm, s.Rules = c.policy, c.rules }))
			failFast(&w.nodes[3], "containerd", c.confirmed)
			p := w.decide(t0)
			require.Equal(t, c.want, summary(p))
			state := v1alpha1.NodeHealthy
			if c.want != nil {
				state = v1alpha1.NodeUnhealthy
			}
			require.Equal(t, state, p.Verdicts[3].State)
		})
	}
}

func TestDecide_AFailureConfirmedFastIsOneEvidenceWithThePolledOne(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t, func(s *v1alpha1.NodeIsolationPolicySpec) { s.Confirm = v1alpha1.ConfirmFast }))
	failFast(&w.nodes[3], "containerd", true)
	first := w.decide(t0)
	fail(&w.nodes[3], "containerd") // Unhealthy by now
	now := t0.Add(100 * time.Millisecond)
	require.Equal(t, first.Actions, w.decide(now).Actions, "the intent is carried on under the same permit")
}

func TestDecide_FailuresConfirmedFastOnSeveralNodesAreCorrelated(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t, func(s *v1alpha1.NodeIsolationPolicySpec) { s.Confirm = v1alpha1.ConfirmFast }))
	for i := range 2 {
		failFast(&w.nodes[i], "containerd", true)
	}
	p := w.decide(t0)
	require.Empty(t, p.Actions)
	require.Equal(t, "withheld n0 Correlated", summary(p)[0])
}

func TestDecide_ANodeWithAFailingCheckIsNotCalm(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	fail(&w.nodes[3], "containerd")
	w.act(w.decide(t0))
	w.decide(t0)
	failFast(&w.nodes[3], "containerd", false) // it comes and goes
	now := t0.Add(2 * time.Minute)
	silence(w.nodes, now)
	w.decide(now)
	silence(w.nodes, now.Add(2*time.Minute))
	require.Empty(t, w.decide(now.Add(2*time.Minute)).Actions, "no release")
}

func TestLadder_TheCarefulProfile(t *testing.T) {
	l := policy(t).Ladders[0]
	for name, want := range map[string]v1alpha1.Action{
		"kubelet": v1alpha1.ActionNoExecute, "containerd": v1alpha1.ActionNoExecute, "crio": v1alpha1.ActionNoExecute,
		"calico": v1alpha1.ActionNoExecute, "ovs": v1alpha1.ActionNoExecute, "netfilter": v1alpha1.ActionNoExecute,
		"disk": v1alpha1.ActionNoSchedule, "memory": v1alpha1.ActionNoSchedule, "pids": v1alpha1.ActionNoSchedule, "stall": v1alpha1.ActionNoSchedule,
		"docker": v1alpha1.ActionReport, "link": v1alpha1.ActionReport, "anything": v1alpha1.ActionReport,
	} {
		require.Equal(t, want, l.strongest(name), name)
	}
}

func TestDecide_ASingleFailingLookBesideAReportedFaultIsNoFault(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t, func(s *v1alpha1.NodeIsolationPolicySpec) { s.Confirm = v1alpha1.ConfirmFast }))
	w.nodes[3].Report.Checks = append(w.nodes[3].Report.Checks, Check{Name: "docker", State: v1alpha1.CheckUnhealthy, Reason: v1alpha1.ReasonDockerNotRunning})
	failFast(&w.nodes[3], "containerd", false)
	p := w.decide(t0)
	require.Equal(t, v1alpha1.NodeUnhealthy, p.Verdicts[3].State)
	require.Equal(t, []string{"docker"}, p.Verdicts[3].Failing)
	require.Empty(t, summary(p))
}
