package decision

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// anyNode draws a node in any state the census could show.
func anyNode(t *rapid.T, i int) Node {
	n := healthy(1)[0]
	n.Name, n.UID = fmt.Sprintf("n%d", i), fmt.Sprintf("u%d", i)
	if rapid.IntRange(0, 2).Draw(t, "a plain fault") == 0 {
		if rapid.Bool().Draw(t, "silent") {
			renewed := t0.Add(-time.Duration(rapid.IntRange(0, 60).Draw(t, "kubelet renewed")) * time.Second)
			n.Beat.At, n.Witness = t0.Add(-time.Minute), Witness{Dialed: t0.Add(-50 * time.Second), Calibrated: true, KubeletRenewed: renewed}
		} else {
			fail(&n, "containerd")
		}
		n.Beat.Heard = rapid.IntRange(0, 2).Draw(t, "heard at all") > 0
		if rapid.IntRange(0, 2).Draw(t, "locked alone") == 0 {
			n.Lock = &protect.PersonLock{Name: "l"}
		}
		return n
	}
	n.Zone = rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "zone")
	n.ControlPlane = rapid.IntRange(0, 9).Draw(t, "cp") == 0
	n.Schedulable = rapid.IntRange(0, 5).Draw(t, "sched") > 0
	n.Unavailable = rapid.IntRange(0, 5).Draw(t, "unavailable") == 0
	n.Intent = rapid.SampledFrom([]v1alpha1.Intent{v1alpha1.IntentAuto, v1alpha1.IntentAuto, v1alpha1.IntentAuto, v1alpha1.IntentIsolate, v1alpha1.IntentProtect}).Draw(t, "intent")
	if rapid.IntRange(0, 9).Draw(t, "departing") == 0 {
		n.Departing = "drained"
	}
	if rapid.IntRange(0, 9).Draw(t, "locked") == 0 {
		n.Lock = &protect.PersonLock{Name: "l", Ends: t0.Add(time.Minute)}
	}
	n.Beat.Heard = rapid.IntRange(0, 9).Draw(t, "heard") > 0
	n.Beat.At = t0.Add(-time.Duration(rapid.IntRange(0, 60_000).Draw(t, "age")) * time.Millisecond)
	n.Beat.Leaving = rapid.IntRange(0, 9).Draw(t, "leaving") == 0
	n.Beat.Sequence = int64(rapid.IntRange(1, 2).Draw(t, "seq"))
	for c := range n.Report.Checks {
		n.Report.Checks[c].State = rapid.SampledFrom([]v1alpha1.CheckState{
			v1alpha1.CheckHealthy, v1alpha1.CheckHealthy, v1alpha1.CheckUnhealthy, v1alpha1.CheckUnknown, v1alpha1.CheckRestarting, v1alpha1.CheckFailing,
		}).Draw(t, "check")
		n.Report.Checks[c].ConfirmedFast = rapid.Bool().Draw(t, "confirmed fast")
	}
	ago := func(label string) time.Time {
		return t0.Add(-time.Duration(rapid.IntRange(0, 60_000).Draw(t, label)) * time.Millisecond)
	}
	n.Witness = Witness{Dialed: ago("dialed"), Answered: ago("answered"), Calibrated: rapid.Bool().Draw(t, "calibrated"), KubeletRenewed: ago("kubelet")}
	return n
}

// anyNodes draws a cluster. Two in three are well but for a node or two, so that the gate is often open: a property
// about isolations says nothing about clusters in which nothing can be isolated.
func anyNodes(t *rapid.T, most int) []Node {
	n := rapid.IntRange(1, most).Draw(t, "nodes")
	odd := map[int]bool{}
	if rapid.IntRange(0, 2).Draw(t, "mostly well") > 0 {
		for range 2 {
			odd[rapid.IntRange(0, n-1).Draw(t, "odd one")] = true
		}
	}
	var out []Node
	for i, well := range healthy(n) {
		if len(odd) == 0 || odd[i] {
			well = anyNode(t, i)
		}
		out = append(out, well)
	}
	return out
}

// anyPolicy draws a policy that validation accepts.
func anyPolicy(t *rapid.T) Policy {
	var spec v1alpha1.NodeIsolationPolicySpec
	spec.Budget.MaxIsolatedPercent = v1alpha1.Percent(rapid.IntRange(1, 50).Draw(t, "maxIsolated"))
	spec.Budget.MaxUnavailablePercent = v1alpha1.Percent(rapid.IntRange(1, 100).Draw(t, "maxUnavailable"))
	spec.Thresholds.StormPercent = v1alpha1.Percent(rapid.IntRange(1, 100).Draw(t, "storm"))
	spec.Thresholds.StormZonePercent = v1alpha1.Percent(rapid.IntRange(1, 100).Draw(t, "stormZone"))
	spec.Thresholds.CorrelationPercent = v1alpha1.Percent(rapid.IntRange(1, 100).Draw(t, "correlation"))
	spec.Profile = rapid.SampledFrom([]v1alpha1.Profile{v1alpha1.ProfileCareful, v1alpha1.ProfileSeed}).Draw(t, "profile")
	spec.Confirm = rapid.SampledFrom([]v1alpha1.Confirm{v1alpha1.ConfirmPolled, v1alpha1.ConfirmFast}).Draw(t, "confirm")
	spec.DryRun = rapid.IntRange(0, 9).Draw(t, "dryRun") == 0
	spec.Default()
	return Compile(spec)
}

// automatic lists isolations nobody asked for by hand.
func automatic(p Plan) (out []Action) {
	for _, a := range p.Actions {
		if a.Kind == Isolate && !a.ByHand {
			out = append(out, a)
		}
	}
	return out
}

func TestProperty_NothingIsIsolatedWhileTheGateIsClosedOrBlind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Snapshot{Nodes: anyNodes(t, 12), Ledger: protect.Ledger{}.Lead("a")}
		switch rapid.IntRange(0, 2).Draw(t, "closed by") {
		case 0:
			s.Blind = "no pulse"
		case 1:
			s.Unreadable = "no ledger"
		case 2:
			for i := range s.Nodes {
				s.Nodes[i].Lock = &protect.PersonLock{Name: "all"}
			}
		}
		require.Empty(t, automatic(Decide(s, anyPolicy(t), t0)))
	})
}

func TestProperty_UnknownRestartingAndUnheardNeverIsolate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, policy := anyNodes(t, 12), anyPolicy(t)
		p := Decide(Snapshot{Nodes: nodes, Ledger: protect.Ledger{}.Lead("a")}, policy, t0)
		for _, a := range automatic(p) {
			at := slices.IndexFunc(p.Verdicts, func(v Verdict) bool { return v.UID == a.UID })
			require.Contains(t, []v1alpha1.NodeState{v1alpha1.NodeUnhealthy, v1alpha1.NodeDown, v1alpha1.NodeAgentDown}, p.Verdicts[at].State)
			n := nodes[slices.IndexFunc(nodes, func(n Node) bool { return n.UID == a.UID })]
			require.True(t, n.Beat.Heard)
			require.Nil(t, n.Lock)
			require.Empty(t, n.Departing)
			if p.Verdicts[at].State == v1alpha1.NodeUnhealthy {
				failing := slices.ContainsFunc(n.Report.Checks, func(c Check) bool {
					return c.State == v1alpha1.CheckUnhealthy || (c.State == v1alpha1.CheckFailing && c.ConfirmedFast && policy.Ladders[0].Confirm == v1alpha1.ConfirmFast)
				})
				require.True(t, failing, "isolated for a check that is not believed to fail")
			}
		}
	})
}

func TestProperty_SilenceIsJudgedOnlyWhileTwoThirdsOfTheOthersAreHeard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := anyNodes(t, 12)
		p := Decide(Snapshot{Nodes: nodes, Ledger: protect.Ledger{}.Lead("a")}, anyPolicy(t), t0)
		for _, v := range p.Verdicts {
			if v.State != v1alpha1.NodeDown {
				continue
			}
			n := nodes[slices.IndexFunc(nodes, func(n Node) bool { return n.UID == v.UID })]
			alive, total := 0, 0
			for _, o := range nodes {
				if o.UID == n.UID || !o.Beat.Heard || o.Beat.Leaving || o.Departing != "" {
					continue
				}
				total++
				if o.Beat.At.After(n.Beat.At.Add(n.Beat.Next)) {
					alive++
				}
			}
			require.Positive(t, total)
			require.GreaterOrEqual(t, alive*100, 66*total)
			require.False(t, t0.Before(n.Witness.KubeletRenewed.Add(KubeletRenews)), "its kubelet still spoke for it")
		}
	})
}

func TestProperty_OrderOfNodesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, p := Snapshot{Nodes: anyNodes(t, 12), Ledger: protect.Ledger{}.Lead("a")}, anyPolicy(t)
		one := Decide(s, p, t0)
		s.Nodes = rapid.Permutation(s.Nodes).Draw(t, "order")
		for i := range s.Nodes {
			s.Nodes[i].Report.Checks = slices.Clone(s.Nodes[i].Report.Checks)
			slices.Reverse(s.Nodes[i].Report.Checks)
		}
		require.Equal(t, one, Decide(s, p, t0))
	})
}

func TestProperty_TheNextLookIsAhead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Snapshot{Nodes: anyNodes(t, 12), Ledger: protect.Ledger{}.Lead("a")}
		require.True(t, Decide(s, anyPolicy(t), t0).NextCheck.After(t0))
	})
}

func TestProperty_DecideLeavesItsArgumentsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, p := anyNodes(t, 12), anyPolicy(t)
		s := Snapshot{Nodes: slices.Clone(nodes), Ledger: protect.Ledger{}.Lead("a")}
		first := Decide(s, p, t0)
		s.Ledger, s.Memory = first.Ledger, first.Memory
		second := Decide(s, p, t0.Add(time.Second))
		require.Equal(t, nodes, s.Nodes)
		require.Equal(t, second, Decide(s, p, t0.Add(time.Second)), "equal arguments, equal plans")
	})
}

func TestProperty_AReleaseIsNeverHeldBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, p := anyNodes(t, 12), anyPolicy(t)
		calm := healthy(1)[0]
		calm.UID, calm.Name, calm.OwnTaint = "calm", "calm", v1alpha1.ActionNoExecute
		calm.Lock = &protect.PersonLock{Name: "l"}
		nodes = append(nodes, calm)
		l := protect.Ledger{}.Lead("a").Impose(protect.Isolation{UID: "calm", Node: "calm", BootID: "b", Action: v1alpha1.ActionNoExecute})
		s := Snapshot{Nodes: nodes, Ledger: l, Memory: map[string]Memory{"calm": {State: v1alpha1.NodeHealthy, CalmSince: t0.Add(-p.HealthyFor)}}}
		if rapid.Bool().Draw(t, "blind") {
			s.Blind = "no pulse"
		}
		if rapid.Bool().Draw(t, "unreadable") {
			s.Unreadable = "no ledger"
		}
		plan := Decide(s, p, t0)
		require.True(t, slices.ContainsFunc(plan.Actions, func(a Action) bool { return a.Kind == Release && a.UID == "calm" }))
	})
}

// cell is a compare-and-swap register: what the one ledger object is to two controllers.
type cell struct {
	ledger  protect.Ledger
	version int
}

func (c *cell) save(l protect.Ledger, seen int) bool {
	if seen != c.version {
		return false
	}
	c.ledger, c.version = l, c.version+1
	return true
}

// peer is a controller reduced to its safety: it leads, decides on what it last read, saves, and only then acts.
type peer struct {
	name   string
	epoch  int64
	read   protect.Ledger
	seen   int
	memory map[string]Memory
	todo   []Action // saved, not yet carried out
}

func TestProperty_TwoControllersNeverSpendMoreThanTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(2, 12).Draw(t, "size")
		nodes := healthy(size)
		for i := range nodes {
			nodes[i].Zone = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "zone")
		}
		p := anyPolicy(t)
		p.Correlation, p.Limits.Storm, p.Limits.StormZone = 100, 100, 100 // let the budget be the only brake
		p.Ladders[0].DryRun = false
		store := &cell{}
		peers := []*peer{{name: "a"}, {name: "b"}}
		now := t0
		usedFor := map[string]string{} // permit -> node UID
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			c := peers[rapid.IntRange(0, 1).Draw(t, "who")]
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0: // becomes leader, whatever the other thinks
				l := store.ledger.Lead(c.name)
				if store.save(l, store.version) {
					c.epoch, c.read, c.seen, c.todo = l.Epoch, l, store.version, nil
				}
			case 1: // a pass: decide on what it last read, save
				plan := Decide(Snapshot{Nodes: nodes, Ledger: c.read, Memory: c.memory}, p, now)
				c.memory = plan.Memory
				if c.epoch == 0 {
					break
				}
				if store.save(plan.Ledger, c.seen) {
					c.read, c.seen, c.todo = plan.Ledger, store.version, plan.Actions
				} else {
					c.epoch, c.todo = 0, nil // somebody else leads
				}
			case 2, 3: // carries out what it saved, perhaps long after
				for _, a := range c.todo {
					for i := range nodes {
						if nodes[i].UID != a.UID {
							continue
						}
						if a.Kind == Release {
							nodes[i].OwnTaint = ""
							continue
						}
						require.NotEmpty(t, a.Permit, "an isolation without a permit")
						if uid, used := usedFor[a.Permit]; used {
							require.Equal(t, uid, a.UID, "a permit spent on two nodes")
						}
						usedFor[a.Permit] = a.UID
						nodes[i].OwnTaint = a.Rung
					}
				}
				c.todo = nil
			case 4: // a node fails
				fail(&nodes[rapid.IntRange(0, size-1).Draw(t, "node")], "containerd")
			case 5: // a node recovers
				i := rapid.IntRange(0, size-1).Draw(t, "node")
				nodes[i].Report = healthy(1)[0].Report
			case 6:
				now = now.Add(time.Duration(rapid.IntRange(0, 2400).Draw(t, "seconds")) * time.Second)
				silence(nodes, now)
			}
			limit := p.Limits.MaxIsolated.Of(size)
			live := 0
			for _, permit := range store.ledger.Permits {
				if now.Before(permit.Ends) {
					live++
				}
			}
			require.LessOrEqual(t, live, limit, "permits in one window")
		}
	})
}
