package protect

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

var t0 = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// limits are the defaults of the API.
func limits(t *testing.T) Limits {
	t.Helper()
	var spec v1alpha1.NodeIsolationPolicySpec
	spec.Default()
	return LimitsOf(spec)
}

// workers makes n schedulable nodes, u0 to u(n-1), each in the zone that zoneOf names.
func workers(n int, zoneOf func(int) string) []Node {
	var out []Node
	for i := range n {
		out = append(out, Node{UID: fmt.Sprintf("u%d", i), Zone: zoneOf(i), Schedulable: true})
	}
	return out
}

func oneZone(int) string { return "" }

func brakes(v Verdict) []v1alpha1.Brake {
	var out []v1alpha1.Brake
	for _, h := range v.Held {
		out = append(out, h.By)
	}
	return out
}

// isolateAll asks for every node in turn, each time as if the pace were over, and counts how many the gate lets through.
func isolateAll(t *testing.T, nodes []Node, lim Limits) int {
	t.Helper()
	var l Ledger
	now, n := t0, 0
	for _, node := range nodes {
		census := Count(nodes, l)
		c := Candidate{Node: node.UID, UID: node.UID, Zone: node.Zone, Reason: v1alpha1.ReasonRuntimeNotRunning}
		if Gate(l, c, census, Conditions{}, lim, now).Allowed() {
			l, _ = l.Record(c, lim.Window, now)
			n++
		}
		now = now.Add(lim.Pace)
	}
	return n
}

func TestGate_DefaultBudgetBySizeOfCluster(t *testing.T) {
	zoned := func(i int) string { return fmt.Sprintf("z%d", i%3) }
	for _, tc := range []struct {
		name  string
		nodes []Node
		want  int
	}{
		{"one node: it is the last schedulable one", workers(1, oneZone), 0},
		{"two nodes: the floor of one", workers(2, oneZone), 1},
		{"three nodes: the floor of one", workers(3, oneZone), 1},
		{"five nodes: the floor of one", workers(5, oneZone), 1},
		{"ten nodes: ten percent is one", workers(10, oneZone), 1},
		{"twenty nodes: two", workers(20, oneZone), 2},
		{"three zones of one node: the cluster's floor of one", workers(3, zoned), 1},
		{"thirty nodes in three zones: three, one in each", workers(30, zoned), 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, isolateAll(t, tc.nodes, limits(t)))
		})
	}
}

func TestGate_NeverMoreThanHalfWhateverTheConfiguration(t *testing.T) {
	lim := limits(t)
	lim.MaxIsolated, lim.MaxUnavailable, lim.Storm, lim.StormZone = 100, 100, 100, 100
	for n, want := range map[int]int{1: 0, 2: 1, 3: 1, 4: 2, 5: 2, 10: 5} {
		require.Equal(t, want, isolateAll(t, workers(n, oneZone), lim), "%d nodes", n)
	}
}

func TestGate_EachBrake(t *testing.T) {
	lim := limits(t)
	base := func() (Ledger, Candidate, []Node, Conditions) {
		return Ledger{Epoch: 1}, Candidate{Node: "u0", UID: "u0", Reason: v1alpha1.ReasonRuntimeNotRunning}, workers(20, oneZone), Conditions{}
	}
	type change func(l *Ledger, c *Candidate, nodes []Node, cond *Conditions)
	for _, tc := range []struct {
		name   string
		change change
		want   []v1alpha1.Brake
		byHand []v1alpha1.Brake // what still holds a person's Isolate
	}{
		{"nothing holds", func(*Ledger, *Candidate, []Node, *Conditions) {}, nil, nil},
		{"the ledger is unreadable", func(_ *Ledger, _ *Candidate, _ []Node, cond *Conditions) { cond.Unreadable = "no answer" },
			[]v1alpha1.Brake{v1alpha1.BrakeLedgerUnreadable}, nil},
		{"blind", func(_ *Ledger, _ *Candidate, _ []Node, cond *Conditions) { cond.Blind = "stale" },
			[]v1alpha1.Brake{v1alpha1.BrakeBlind}, nil},
		{"a person's lock", func(_ *Ledger, c *Candidate, _ []Node, _ *Conditions) { c.Lock = &PersonLock{Name: "upgrade"} },
			[]v1alpha1.Brake{v1alpha1.BrakePersonLock}, nil},
		{"protected", func(_ *Ledger, c *Candidate, _ []Node, _ *Conditions) { c.Protected = true },
			[]v1alpha1.Brake{v1alpha1.BrakeProtected}, nil},
		{"a protected control plane", func(_ *Ledger, c *Candidate, _ []Node, _ *Conditions) { c.ControlPlaneProtected = true },
			[]v1alpha1.Brake{v1alpha1.BrakeControlPlane}, nil},
		{"dry run", func(_ *Ledger, c *Candidate, _ []Node, _ *Conditions) { c.DryRun = true },
			[]v1alpha1.Brake{v1alpha1.BrakeDryRun}, nil},
		{"the quorum of three members with one down", func(_ *Ledger, c *Candidate, nodes []Node, _ *Conditions) {
			c.ControlPlane = true
			nodes[0].ControlPlane, nodes[1].ControlPlane, nodes[2].ControlPlane = true, true, true
			nodes[1].Unavailable = true
		}, []v1alpha1.Brake{v1alpha1.BrakeControlPlane}, []v1alpha1.Brake{v1alpha1.BrakeControlPlane}},
		{"one of three healthy members may go", func(_ *Ledger, c *Candidate, nodes []Node, _ *Conditions) {
			c.ControlPlane = true
			nodes[0].ControlPlane, nodes[1].ControlPlane, nodes[2].ControlPlane = true, true, true
		}, nil, nil},
		{"the last schedulable node", func(_ *Ledger, _ *Candidate, nodes []Node, _ *Conditions) {
			for i := range nodes[1:] {
				nodes[i+1].Schedulable = false
			}
		}, []v1alpha1.Brake{v1alpha1.BrakeLastSchedulable}, []v1alpha1.Brake{v1alpha1.BrakeLastSchedulable}},
		{"a suspect is not a node to fall back on", func(_ *Ledger, _ *Candidate, nodes []Node, _ *Conditions) {
			for i := range nodes[1:] {
				nodes[i+1].Schedulable = i == 0
			}
			nodes[1].Suspect = true
		}, []v1alpha1.Brake{v1alpha1.BrakeLastSchedulable}, []v1alpha1.Brake{v1alpha1.BrakeLastSchedulable}},
		{"four of twenty suspects are believed", func(_ *Ledger, _ *Candidate, nodes []Node, _ *Conditions) {
			for i := range 4 {
				nodes[i].Suspect = true
			}
		}, nil, nil},
		{"the fifth of twenty suspects is a storm", func(_ *Ledger, _ *Candidate, nodes []Node, _ *Conditions) {
			for i := range 5 {
				nodes[i].Suspect = true
			}
		}, []v1alpha1.Brake{v1alpha1.BrakeStorm}, nil},
		{"two of a zone of three suspects are a storm", func(_ *Ledger, c *Candidate, nodes []Node, _ *Conditions) {
			c.Zone = "a"
			for i := range 3 {
				nodes[i].Zone = "a"
			}
			nodes[0].Suspect, nodes[1].Suspect = true, true
		}, []v1alpha1.Brake{v1alpha1.BrakeStorm}, nil},
		{"two of a zone of two are none", func(_ *Ledger, c *Candidate, nodes []Node, _ *Conditions) {
			c.Zone = "a"
			for i := range 2 {
				nodes[i].Zone = "a"
			}
			nodes[0].Suspect, nodes[1].Suspect = true, true
		}, nil, nil},
		{"correlated", func(_ *Ledger, _ *Candidate, _ []Node, cond *Conditions) { cond.Correlated = "check kubelet" },
			[]v1alpha1.Brake{v1alpha1.BrakeCorrelated}, nil},
		{"released by hand", func(l *Ledger, _ *Candidate, _ []Node, _ *Conditions) {
			l.Isolations = []Isolation{{UID: "u0", Action: v1alpha1.ActionNoExecute, HandUntil: t0.Add(time.Minute)}}
		}, []v1alpha1.Brake{v1alpha1.BrakeReleasedByHand}, nil},
		{"the cluster's budget", func(l *Ledger, _ *Candidate, nodes []Node, _ *Conditions) {
			nodes[1].Zone, nodes[2].Zone = "a", "b"
			l.Permits = []Permit{
				{ID: "1.1", UID: "u1", Zone: "a", Spent: t0.Add(-time.Minute), Ends: t0.Add(29 * time.Minute)},
				{ID: "1.2", UID: "u2", Zone: "b", Spent: t0.Add(-time.Minute), Ends: t0.Add(29 * time.Minute)},
			}
		}, []v1alpha1.Brake{v1alpha1.BrakeBudgetSpent}, nil},
		{"a cancelled permit stays spent", func(l *Ledger, c *Candidate, nodes []Node, _ *Conditions) {
			nodes[0].Zone, c.Zone = "a", "a"
			l.Permits = []Permit{{ID: "1.1", UID: "u0", Zone: "a", Cancelled: true, Spent: t0.Add(-time.Minute), Ends: t0.Add(29 * time.Minute)}}
		}, []v1alpha1.Brake{v1alpha1.BrakeZoneBudgetSpent}, nil},
		{"an isolation that outlives its window still counts", func(l *Ledger, c *Candidate, nodes []Node, _ *Conditions) {
			nodes[0].Zone, nodes[1].Zone, c.Zone = "a", "a", "a"
			l.Isolations = []Isolation{{UID: "u1", Zone: "a", Action: v1alpha1.ActionNoExecute, Permit: "0.7"}}
		}, []v1alpha1.Brake{v1alpha1.BrakeZoneBudgetSpent}, nil},
		{"too many unavailable", func(_ *Ledger, _ *Candidate, nodes []Node, _ *Conditions) {
			for i := range 4 {
				nodes[i+1].Unavailable = true
			}
		}, []v1alpha1.Brake{v1alpha1.BrakeMaxUnavailable}, nil},
		{"the candidate's own NotReady does not count", func(_ *Ledger, _ *Candidate, nodes []Node, _ *Conditions) {
			for i := range 4 {
				nodes[i].Unavailable = true
			}
		}, nil, nil},
		{"the pace of its zone", func(l *Ledger, _ *Candidate, _ []Node, _ *Conditions) {
			l.Permits = []Permit{{ID: "1.1", UID: "u9", Spent: t0.Add(-9 * time.Second), Ends: t0.Add(time.Hour)}}
		}, []v1alpha1.Brake{v1alpha1.BrakePace}, nil},
		{"another zone's pace does not matter", func(l *Ledger, _ *Candidate, nodes []Node, _ *Conditions) {
			nodes[9].Zone = "a"
			l.Permits = []Permit{{ID: "1.1", UID: "u9", Zone: "a", Spent: t0.Add(-9 * time.Second), Ends: t0.Add(time.Hour)}}
		}, nil, nil},
		{"a person's isolation sets no pace", func(l *Ledger, _ *Candidate, _ []Node, _ *Conditions) {
			l.Permits = []Permit{{ID: "1.1", UID: "u9", ByHand: true, Spent: t0, Ends: t0.Add(time.Hour)}}
		}, nil, nil},
		{"a node proven down waits for any zone, a second", func(l *Ledger, c *Candidate, nodes []Node, _ *Conditions) {
			c.Kind = Proven
			nodes[9].Zone = "a"
			l.Permits = []Permit{{ID: "1.1", UID: "u9", Zone: "a", Spent: t0.Add(-900 * time.Millisecond), Ends: t0.Add(time.Hour)}}
		}, []v1alpha1.Brake{v1alpha1.BrakePace}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, c, nodes, cond := base()
			tc.change(&l, &c, nodes, &cond)
			require.Equal(t, tc.want, brakes(Gate(l, c, Count(nodes, l), cond, lim, t0)))
			c.Kind = ByHand
			require.Equal(t, tc.byHand, brakes(Gate(l, c, Count(nodes, l), cond, lim, t0)), "by hand")
		})
	}
}

func TestGate_StaysClosedUntilTheWindowEnds(t *testing.T) {
	lim := limits(t)
	nodes := workers(3, oneZone)
	l, _ := Ledger{Epoch: 1}.Record(Candidate{Node: "u0", UID: "u0"}, lim.Window, t0)
	l = l.Cancel("1.1")
	for at, open := range map[time.Duration]bool{time.Second: false, lim.Window - time.Nanosecond: false, lim.Window: true} {
		now := t0.Add(at)
		l := l.Prune(now)
		require.Equal(t, open, Gate(l, Candidate{UID: "u1"}, Count(nodes, l), Conditions{}, lim, now).Allowed(), "after %s", at)
	}
}

func TestVerdict_UntilIsTheLatestKnownEnd(t *testing.T) {
	v := Verdict{Held: []Held{{Until: t0.Add(time.Minute)}, {}, {Until: t0.Add(time.Hour)}}}
	require.Equal(t, t0.Add(time.Hour), v.Until())
	require.True(t, Verdict{Held: []Held{{}}}.Until().IsZero())
}

func TestGateReversible_IsGenerousUpToTheCeiling(t *testing.T) {
	nodes := workers(4, oneZone)
	var l Ledger
	for i, want := range []bool{true, true, false} {
		c := Candidate{UID: nodes[i].UID}
		require.Equal(t, want, GateReversible(l, c, Count(nodes, l), Conditions{}).Allowed(), "node %d", i)
		l = l.Impose(Isolation{UID: c.UID, Action: v1alpha1.ActionNoSchedule})
	}
	require.False(t, GateReversible(Ledger{}, Candidate{UID: "u0"}, Count(nodes, Ledger{}), Conditions{Blind: "stale"}).Allowed())
	require.False(t, GateReversible(Ledger{}, Candidate{UID: "u0", Lock: &PersonLock{}}, Count(nodes, Ledger{}), Conditions{}).Allowed())
}
