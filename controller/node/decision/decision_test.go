package decision

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

func TestDecide_OneFaultIsIsolatedAndTheNextIsWithheld(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	fail(&w.nodes[3], "containerd")
	p := w.decide(t0)
	require.Equal(t, []string{"Isolate n3 RuntimeNotRunning"}, summary(p))
	require.Equal(t, "1.1", p.Actions[0].Permit)
	require.Equal(t, "check:b/containerd", p.Actions[0].Evidence)
	w.act(p)

	fail(&w.nodes[4], "kubelet")
	p = w.decide(t0.Add(200 * time.Millisecond))
	require.Equal(t, []string{"withheld n4 BudgetSpent"}, summary(p))
	require.Empty(t, p.Ledger.Intents)
	require.Len(t, p.Ledger.Isolations, 1)
}

func TestDecide_WhatIsWithheldStaysShownWhileAReportWaitsForItsBeat(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	fail(&w.nodes[3], "containerd")
	w.nodes[3].Lock = &protect.PersonLock{Name: "l"}
	require.Equal(t, []string{"withheld n3 PersonLock"}, summary(w.decide(t0)))
	w.nodes[3].Report.Sequence = 2
	plan := w.decide(t0.Add(time.Millisecond))
	require.Equal(t, []string{"withheld n3 PersonLock"}, summary(plan))
	require.Equal(t, v1alpha1.ReasonRuntimeNotRunning, plan.Verdicts[3].Reason)
	require.Equal(t, v1alpha1.ActionNoExecute, plan.Withheld[0].Rung)

	w.nodes[3].Lock = nil
	require.Empty(t, summary(w.decide(t0.Add(2*time.Millisecond))), "what waits for a beat alone is neither done nor called withheld")
	w.nodes[3].Departing = "deleted"
	w.nodes[3].Lock = &protect.PersonLock{Name: "l"}
	require.Empty(t, summary(w.decide(t0.Add(3*time.Millisecond))))
}

func TestDecide_AReportThatWaitsForItsBeatKeepsAStormAStorm(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	for i, check := range []string{"containerd", "kubelet", "containerd", "kubelet", "containerd", "kubelet"} {
		fail(&w.nodes[i], check)
	}
	suspects := func() int { return w.decide(t0).Census.Suspects }
	require.Equal(t, 6, suspects())
	for i := range w.nodes {
		w.nodes[i].Report.Sequence = 2
	}
	require.Equal(t, 6, suspects())
}

func TestDecide_AnIntentIsRepeatedUntilItsTaintIsSeen(t *testing.T) {
	w := newWorld(t, healthy(30), policy(t))
	fail(&w.nodes[3], "containerd")
	first := w.decide(t0)
	now := t0.Add(w.policy.Limits.Pace) // the pace is over and the budget is three: only the intent itself holds a second permit back
	silence(w.nodes, now)
	again := w.decide(now)
	require.Equal(t, summary(first), summary(again))
	require.Equal(t, first.Actions, again.Actions, "the same permit, not a second one")
	require.Len(t, again.Ledger.Permits, 1)
	w.act(again)
	done := w.decide(now)
	require.Empty(t, done.Actions)
	require.Empty(t, done.Ledger.Intents)
}

func TestDecide_ANewLeaderAdoptsWaitsOrCancels(t *testing.T) {
	for _, tc := range []struct {
		name    string
		change  func(w *world)
		actions []string
		intents int
	}{
		{"adopts on fresh evidence", func(*world) {}, []string{"Isolate n3 RuntimeNotRunning"}, 1},
		{"waits while it is blind", func(w *world) { w.blind = "just started" }, []string{"withheld n3 Blind"}, 1},
		{"waits for a beat that vouches", func(w *world) { w.nodes[3].Beat.Sequence = 0 }, []string{"withheld n3 Blind"}, 1},
		{"cancels when the fault is gone", func(w *world) { w.nodes[3] = healthy(10)[3] }, nil, 0},
		{"cancels when another check fails instead", func(w *world) { w.nodes[3] = healthy(10)[3]; fail(&w.nodes[3], "kubelet") }, []string{"withheld n3 BudgetSpent"}, 0},
		{"cancels when a person holds a lock", func(w *world) { w.nodes[3].Lock = &protect.PersonLock{Name: "l"} }, []string{"withheld n3 PersonLock"}, 0},
		{"cancels when the node is leaving on purpose", func(w *world) { w.nodes[3].Departing = "deleted" }, nil, 0},
		{"finds the taint already there", func(w *world) { w.nodes[3].OwnTaint = v1alpha1.ActionNoExecute }, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, healthy(10), policy(t))
			fail(&w.nodes[3], "containerd")
			w.decide(t0)
			w.ledger = w.ledger.Lead("b")
			tc.change(w)
			p := w.decide(t0.Add(100 * time.Millisecond))
			require.Equal(t, tc.actions, summary(p))
			require.Len(t, p.Ledger.Intents, tc.intents)
			require.Len(t, p.Ledger.Permits, 1, "no permit is spent twice")
			for _, a := range p.Actions {
				require.EqualValues(t, 2, p.Ledger.Intents[0].Epoch, "only what our epoch owns is carried out")
				require.Equal(t, "1.1", a.Permit)
			}
		})
	}
}

func TestDecide_AnIntentWaitsWhileTheLocksCannotBeRead(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	now := t0.Add(time.Minute)
	silence(w.nodes, now, 3)
	w.decide(now)
	plan := Decide(Snapshot{Nodes: w.nodes, Ledger: w.ledger, Memory: w.memory, Unreadable: "no answer"}, w.policy, now)
	require.Equal(t, []string{"withheld n3 LedgerUnreadable"}, summary(plan))
	require.Len(t, plan.Ledger.Intents, 1, "an outage of a moment wastes no permit")
}

func TestDecide_ReleasesAfterAMinuteOfCalmAndWaitsLongerEachTime(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	now := t0
	for _, hold := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
		fail(&w.nodes[3], "containerd")
		silence(w.nodes, now)
		w.act(w.decide(now))
		w.decide(now) // sees the taint
		require.Equal(t, v1alpha1.ActionNoExecute, w.nodes[3].OwnTaint)

		now = now.Add(time.Second)
		w.nodes[3].Report = healthy(10)[3].Report
		silence(w.nodes, now)
		require.Empty(t, w.decide(now).Actions)
		silence(w.nodes, now.Add(hold-time.Millisecond))
		require.Empty(t, w.decide(now.Add(hold-time.Millisecond)).Actions, "not a moment before %s", hold)
		now = now.Add(hold)
		silence(w.nodes, now)
		p := w.decide(now)
		require.Equal(t, []string{"Release n3 Recovered"}, summary(p))
		require.Equal(t, summary(p), summary(w.decide(now)), "until the taint is seen gone")
		w.act(p)
		require.Empty(t, w.decide(now).Ledger.Isolations)
		now = now.Add(w.policy.Limits.Window)
	}
}

func TestDecide_AReleaseIsNeverHeldBack(t *testing.T) {
	w := newWorld(t, healthy(3), policy(t))
	fail(&w.nodes[0], "containerd")
	w.act(w.decide(t0))
	w.decide(t0)
	w.nodes[0].Report = healthy(1)[0].Report
	w.decide(t0)
	now := t0.Add(time.Minute)
	silence(w.nodes, now)
	for i := range w.nodes {
		w.nodes[i].Lock = &protect.PersonLock{Name: "everything"}
	}
	w.blind = "no pulse"
	require.Equal(t, []string{"Release n0 Recovered"}, summary(w.decide(now)))
}

func TestDecide_ATaintTakenOffByHandIsLeftOffForAWindow(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	fail(&w.nodes[3], "containerd")
	w.act(w.decide(t0))
	w.decide(t0)
	w.nodes[3].OwnTaint, w.nodes[3].Schedulable = "", true
	p := w.decide(t0.Add(100 * time.Millisecond))
	require.Equal(t, []string{"n3"}, p.HandReleased)
	require.Equal(t, []string{"withheld n3 ReleasedByHand"}, summary(p))
	require.Empty(t, w.decide(t0.Add(200*time.Millisecond)).HandReleased, "said once")

	end := t0.Add(100 * time.Millisecond).Add(w.policy.Limits.Window)
	silence(w.nodes, end)
	require.Equal(t, []string{"Isolate n3 RuntimeNotRunning"}, summary(w.decide(end)))
}

func TestDecide_ATaintOfOursTheLedgerDoesNotKnowIsTakenIn(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	w.nodes[3].OwnTaint = v1alpha1.ActionNoExecute
	p := w.decide(t0)
	require.Len(t, p.Ledger.Isolations, 1)
	fail(&w.nodes[4], "containerd")
	require.Equal(t, []string{"withheld n4 BudgetSpent"}, summary(w.decide(t0)), "it counts")
}

func TestDecide_PlannedDeparturesSpendNothing(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	now := t0.Add(time.Minute)
	silence(w.nodes, now, 3)
	w.nodes[3].Departing = "drained by a person"
	p := w.decide(now)
	require.Empty(t, summary(p))
	require.Equal(t, v1alpha1.NodeDown, p.Verdicts[3].State)
	require.Equal(t, v1alpha1.ReasonPlannedDeparture, p.Verdicts[3].Reason)
	require.Zero(t, p.Census.Suspects)
	require.Empty(t, p.Ledger.Permits)
}

func TestDecide_TotalSilenceIsolatesNobodyAndSaysWhy(t *testing.T) {
	for _, n := range []int{2, 3, 10} {
		for alive := range 2 {
			w := newWorld(t, healthy(n), policy(t, func(s *v1alpha1.NodeIsolationPolicySpec) {
				s.Thresholds.StormPercent, s.Thresholds.StormZonePercent = 100, 100
			}))
			now := t0.Add(time.Minute)
			var silent []int
			for i := alive; i < n; i++ {
				silent = append(silent, i)
			}
			silence(w.nodes, now, silent...)
			p := w.decide(now)
			if n == 2 && alive == 1 {
				require.Len(t, p.Actions, 1, "one of two silent while the other lives is one fault")
				continue
			}
			require.Empty(t, p.Actions, "%d of %d silent", len(silent), n)
			for _, i := range silent {
				require.Equal(t, v1alpha1.NodeBlind, p.Verdicts[i].State)
			}
			require.Len(t, p.Withheld, len(silent))
			require.Equal(t, v1alpha1.BrakeTooFewAlive, p.Withheld[0].Held[0].By)
		}
	}
}

func TestDecide_TheSameCheckOnSeveralNodesClosesTheLock(t *testing.T) {
	wide := func(s *v1alpha1.NodeIsolationPolicySpec) {
		s.Budget.MaxIsolatedPercent, s.Budget.MaxUnavailablePercent = 50, 50
	}
	w := newWorld(t, healthy(10), policy(t, wide))
	fail(&w.nodes[0], "containerd")
	w.act(w.decide(t0))
	now := t0.Add(9 * time.Minute)
	silence(w.nodes, now)
	fail(&w.nodes[1], "containerd")
	p := w.decide(now)
	require.Equal(t, []string{"withheld n1 Correlated"}, summary(p))
	require.Equal(t, t0.Add(10*time.Minute), p.Withheld[0].Until())

	now = t0.Add(10 * time.Minute)
	silence(w.nodes, now)
	require.Equal(t, []string{"Isolate n1 RuntimeNotRunning"}, summary(w.decide(now)), "the first is no longer new")
}

func TestDecide_ACheckNobodyIsolatesForClosesNothing(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	for i := range 5 {
		w.nodes[i].Report.Checks = append(w.nodes[i].Report.Checks, Check{Name: "docker", State: v1alpha1.CheckUnhealthy})
	}
	fail(&w.nodes[9], "containerd")
	require.Equal(t, []string{"Isolate n9 RuntimeNotRunning"}, summary(w.decide(t0)))
}

func TestDecide_APersonsWordCounts(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	fail(&w.nodes[3], "containerd")
	w.nodes[3].Intent = v1alpha1.IntentProtect
	w.nodes[4].Intent, w.nodes[4].IntentReason = v1alpha1.IntentIsolate, "broken fan"
	w.blind = "no pulse"
	p := w.decide(t0)
	require.Equal(t, []string{"Isolate n4 ByHand", "withheld n3 Blind"}, summary(p))
	require.Equal(t, "broken fan", p.Actions[0].Message)
	w.act(p)
	w.blind = ""
	now := t0.Add(time.Hour)
	silence(w.nodes, now)
	require.Equal(t, []string{"withheld n3 Protected"}, summary(w.decide(now)), "the isolation stays while the person's word stands")
}

func TestDecide_TheControlPlaneIsLeftAlone(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	for i := range 3 {
		w.nodes[i].ControlPlane = true
	}
	fail(&w.nodes[0], "kubelet")
	require.Equal(t, []string{"withheld n0 ControlPlane"}, summary(w.decide(t0)))
}

func TestDecide_NoScheduleSpendsNoPermit(t *testing.T) {
	mild := func(s *v1alpha1.NodeIsolationPolicySpec) {
		s.Rules = []v1alpha1.Rule{{Name: "mild", Terms: []v1alpha1.Term{{Check: "containerd"}}, Action: v1alpha1.ActionNoSchedule}}
	}
	w := newWorld(t, healthy(10), policy(t, mild))
	fail(&w.nodes[3], "containerd")
	p := w.decide(t0)
	require.Equal(t, []string{"Isolate n3 RuntimeNotRunning"}, summary(p))
	require.Equal(t, v1alpha1.ActionNoSchedule, p.Actions[0].Rung)
	require.Empty(t, p.Ledger.Permits)
	w.act(p)
	require.Empty(t, w.decide(t0).Actions)
	fail(&w.nodes[3], "kubelet")
	p = w.decide(t0)
	require.Equal(t, v1alpha1.ActionNoExecute, p.Actions[0].Rung, "a worse fault climbs the ladder")
	require.Len(t, p.Ledger.Permits, 1)
}

func TestDecide_ADeletedNodeGivesItsPermitBack(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	fail(&w.nodes[3], "containerd")
	w.act(w.decide(t0))
	w.decide(t0)
	w.nodes = append(w.nodes[:3], w.nodes[4:]...)
	w.blind = "no pulse"
	require.Len(t, w.decide(t0).Ledger.Permits, 1, "a blind view deletes nothing")
	w.blind = ""
	p := w.decide(t0)
	require.Empty(t, p.Ledger.Permits)
	require.Empty(t, p.Ledger.Isolations)
	require.Len(t, p.Ledger.History, 1)
}

func TestDecide_AsksForDialsFromTheFirstMissedBeat(t *testing.T) {
	w := newWorld(t, healthy(3), policy(t))
	now := t0.Add(1300 * time.Millisecond)
	silence(w.nodes, now)
	w.nodes[0].Beat.At = t0
	require.Equal(t, []string{"u0"}, w.decide(now).Ask)
	w.nodes[0].Witness.Dialed = now
	require.Empty(t, w.decide(now).Ask, "once a round")
	later := now.Add(Exonerates)
	silence(w.nodes, later)
	w.nodes[0].Beat.At, w.nodes[0].Witness.Dialed = t0, now
	require.Equal(t, []string{"u0"}, w.decide(later).Ask, "an answer does not last")
}

func TestDecide_AFaultThatHopsFromNodeToNodeIsOneEvent(t *testing.T) {
	wide := func(s *v1alpha1.NodeIsolationPolicySpec) {
		s.Budget.MaxIsolatedPercent, s.Budget.MaxUnavailablePercent = 50, 50
	}
	w := newWorld(t, healthy(10), policy(t, wide))
	fail(&w.nodes[0], "containerd")
	w.decide(t0)
	w.nodes[0].Report = healthy(1)[0].Report
	now := t0.Add(time.Minute)
	silence(w.nodes, now)
	w.decide(now)
	fail(&w.nodes[1], "containerd")
	require.Equal(t, []string{"withheld n1 Correlated"}, summary(w.decide(now)))
}

func TestDecide_AnUnknownCheckBesideAFailingOneIsNoFault(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	w.nodes[3].Report.Checks = []Check{
		{Name: "docker", State: v1alpha1.CheckUnhealthy, Reason: v1alpha1.ReasonDockerNotRunning},
		{Name: "kubelet", State: v1alpha1.CheckUnknown},
	}
	require.Empty(t, summary(w.decide(t0)))
}

func TestDecide_AFailureThatAnotherExplainsIsNoFault(t *testing.T) {
	reportRuntime := func(s *v1alpha1.NodeIsolationPolicySpec) {
		s.Rules = []v1alpha1.Rule{{Name: "mild", Terms: []v1alpha1.Term{{Check: "containerd"}}, Action: v1alpha1.ActionReport}}
	}
	w := newWorld(t, healthy(10), policy(t, reportRuntime))
	fail(&w.nodes[3], "containerd")
	fail(&w.nodes[3], "kubelet")
	w.nodes[3].Report.Checks[1].ExplainedBy = "containerd"
	require.Empty(t, summary(w.decide(t0)), "the kubelet fails because of the runtime, which is only reported")
}

func TestDecide_ANoScheduleTakenOffByHandIsLeftOffForAWindow(t *testing.T) {
	rule := v1alpha1.Rule{Name: "docker", Match: v1alpha1.MatchAny, Terms: []v1alpha1.Term{{Check: "docker"}}, Action: v1alpha1.ActionNoSchedule}
	w := newWorld(t, healthy(4), policy(t, func(s *v1alpha1.NodeIsolationPolicySpec) { s.Rules = []v1alpha1.Rule{rule} }))
	w.nodes[0].Report.Checks = append(w.nodes[0].Report.Checks, Check{Name: "docker", State: v1alpha1.CheckUnhealthy, Reason: v1alpha1.ReasonDockerNotRunning})
	w.act(w.decide(t0))
	w.decide(t0)
	w.nodes[0].OwnTaint, w.nodes[0].Schedulable = "", true
	p := w.decide(t0.Add(100 * time.Millisecond))
	require.Equal(t, []string{"n0"}, p.HandReleased)
	require.Equal(t, []string{"withheld n0 ReleasedByHand"}, summary(p))

	now := t0.Add(w.policy.Limits.Window + time.Second)
	silence(w.nodes, now)
	require.Equal(t, []string{"Isolate n0 DockerNotRunning"}, summary(w.decide(now)))
}

func TestDecide_TwoNoSchedulesOfOnePassLeaveOneNodeToScheduleTo(t *testing.T) {
	rule := v1alpha1.Rule{Name: "docker", Match: v1alpha1.MatchAny, Terms: []v1alpha1.Term{{Check: "docker"}}, Action: v1alpha1.ActionNoSchedule}
	w := newWorld(t, healthy(4), policy(t, func(s *v1alpha1.NodeIsolationPolicySpec) { s.Rules = []v1alpha1.Rule{rule} }))
	for i := range 2 {
		w.nodes[i].Report.Checks = append(w.nodes[i].Report.Checks, Check{Name: "docker", State: v1alpha1.CheckUnhealthy, Reason: v1alpha1.ReasonDockerNotRunning})
		w.nodes[i+2].Schedulable, w.nodes[i+2].Unavailable = false, true // cordoned
	}
	require.Equal(t, []string{"Isolate n0 DockerNotRunning", "withheld n1 LastSchedulable"}, summary(w.decide(t0)))
}

// A patch whose answer was lost may have landed although its intent was cancelled.
func TestDecide_ANoExecuteThatLandedAfterItsIntentWasCancelledIsCounted(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	w.ledger = w.ledger.Impose(protect.Isolation{UID: "u3", Node: "n3", Action: v1alpha1.ActionNoSchedule, Since: t0})
	fail(&w.nodes[3], "containerd")
	w.nodes[3].OwnTaint, w.nodes[3].Schedulable = v1alpha1.ActionNoExecute, false
	p := w.decide(t0)
	iso, _ := p.Ledger.Isolation("u3")
	require.Equal(t, v1alpha1.ActionNoExecute, iso.Action)

	fail(&w.nodes[4], "kubelet")
	require.Equal(t, []string{"withheld n4 BudgetSpent"}, summary(w.decide(t0.Add(200*time.Millisecond))))
}

func TestDecide_APersonsIsolateIsNotHeldBackByAnIntentThatWaits(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	fail(&w.nodes[3], "containerd")
	w.decide(t0)
	w.blind = "no pulse"
	w.nodes[3].Intent = v1alpha1.IntentIsolate
	require.Equal(t, []string{"Isolate n3 ByHand"}, summary(w.decide(t0.Add(100*time.Millisecond))))
}

// With no other node heard nothing tells a dead node from a cluster that cannot reach its API server.
func TestDecide_TheOnlyNodeEverHeardIsNotJudgedByItsSilence(t *testing.T) {
	w := newWorld(t, healthy(10), policy(t))
	now := t0.Add(time.Minute)
	silence(w.nodes, now, 3)
	for i := range w.nodes {
		if i != 3 {
			w.nodes[i].Beat = Beat{}
		}
	}
	require.Equal(t, []string{"withheld n3 TooFewAlive"}, summary(w.decide(now)))
}

func TestEvidence_OfADeadNodeChangesWhenItsKubeletRenews(t *testing.T) {
	n := healthy(1)[0]
	v := Verdict{State: v1alpha1.NodeDown, Lease: v1alpha1.LeaseLost, demand: demand{trigger: "NodeDown"}}
	before := Evidence(n, v)
	n.Witness.KubeletMark = "another"
	require.NotEqual(t, before, Evidence(n, v))
	v.State = v1alpha1.NodeAgentDown
	require.Equal(t, "silent:m0", Evidence(n, v), "a living kubelet renews all the time")
}

// An agent that beats and may not write its status says nothing of its node.
func TestDecide_ANodeWhoseReportDoesNotComeIsNotCalledHealthy(t *testing.T) {
	for name, change := range map[string]func(*Node){
		"it never reported":        func(n *Node) { n.Report = Report{} },
		"it reported another boot": func(n *Node) { n.Report.BootID = "earlier" },
		"its newest was not kept":  func(n *Node) { n.Beat.Sequence++ },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, healthy(3), policy(t))
			change(&w.nodes[1])
			require.Equal(t, v1alpha1.NodeHealthy, w.decide(t0).Verdicts[1].State, "report and beat come by two watches")
			now := t0.Add(ReportedWithin)
			silence(w.nodes, now)
			require.Equal(t, v1alpha1.NodeUnknown, w.decide(now).Verdicts[1].State)
			require.Equal(t, v1alpha1.ReasonNotReported, w.decide(now).Verdicts[1].Reason)
			require.Equal(t, v1alpha1.NodeHealthy, w.decide(now).Verdicts[0].State)
			w.nodes[1].Report, w.nodes[1].Beat.Sequence = w.nodes[0].Report, 1
			require.Equal(t, v1alpha1.NodeHealthy, w.decide(now).Verdicts[1].State)
		})
	}
}

// A node that goes on answering is AgentDown without a break: each break would be a suspect, an Event and two writes.
func TestDecide_ANodeThatAnswersIsAskedAgainBeforeItsAnswerExpires(t *testing.T) {
	w := newWorld(t, healthy(5), policy(t))
	now := t0.Add(time.Minute)
	silence(w.nodes, now, 3)
	w.nodes[3].Witness.Dialed, w.nodes[3].Witness.Answered = now, now.Add(5*time.Millisecond)
	for end := now.Add(time.Minute); now.Before(end); {
		p := w.decide(now)
		require.Equal(t, v1alpha1.NodeAgentDown, p.Verdicts[3].State)
		if len(p.Ask) > 0 {
			w.nodes[3].Witness.Dialed, w.nodes[3].Witness.Answered = now, now.Add(time.Second) // the longest round
		}
		now = p.NextCheck
		silence(w.nodes[:3], now)
		silence(w.nodes[4:], now)
	}
}
