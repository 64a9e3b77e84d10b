package census_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/controller/node/nodetest"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// inCluster runs a test with a census of a cluster that has settled: nodes heard, and no longer blind.
func inCluster(t *testing.T, nodes int, test func(c *nodetest.Cluster, s *census.Census)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		c := nodetest.New(t, ctx, nodes)
		s := census.New(options(c))
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(6 * time.Second)
		test(c, s)
		stop()
		require.NoError(t, <-done)
		synctest.Wait()
	})
}

func options(c *nodetest.Cluster) census.Options {
	return census.Options{
		Kube: c.Kube, Bulkhead: c.Bulkhead, Beats: c.Beats.Source(), Pulse: c, Clock: c, Log: c.Log,
		Period:      func(int) time.Duration { return time.Second },
		KubeletPort: 10250, AgentPort: 10298,
	}
}

func look(s *census.Census, name string) decision.Node {
	for _, n := range s.Snapshot(time.Now()).Nodes {
		if n.Name == name {
			return n
		}
	}
	return decision.Node{}
}

func TestCensus_SeesAHealthyCluster(t *testing.T) {
	inCluster(t, 3, func(c *nodetest.Cluster, s *census.Census) {
		v := s.Snapshot(time.Now())
		require.Len(t, v.Nodes, 3)
		require.Empty(t, v.Blind)
		require.Empty(t, v.Unreadable)
		n := look(s, "n1")
		require.True(t, n.Beat.Heard)
		require.Less(t, time.Since(n.Beat.At), 1100*time.Millisecond)
		require.True(t, n.Schedulable)
		require.Equal(t, "boot-n1", n.Report.BootID)
		require.False(t, n.Witness.KubeletRenewed.IsZero())
	})
}

func TestCensus_ABeatMovesOnlyWithItsMark(t *testing.T) {
	inCluster(t, 2, func(c *nodetest.Cluster, s *census.Census) {
		c.Silence("n1")
		time.Sleep(2 * time.Second)
		at := look(s, "n1").Beat.At
		require.NoError(t, c.Beats.SetPeriod(t.Context(), "n1", 2*time.Second)) // the lease changes, the mark does not
		c.Beats.Reconnect()                                                     // and a new listing shows the same beat
		time.Sleep(time.Second)
		require.Equal(t, at, look(s, "n1").Beat.At)
	})
}

func TestCensus_HearsANodeOnlyUnderItsOwnUID(t *testing.T) {
	inCluster(t, 2, func(c *nodetest.Cluster, s *census.Census) {
		require.True(t, look(s, "n1").Beat.Heard)
		c.ChangeNode("n1", func(n *corev1.Node) { n.UID = "another" })
		synctest.Wait()
		require.False(t, look(s, "n1").Beat.Heard)
	})
}

func TestCensus_IsBlindUntilItsViewWasFreshForFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		c := nodetest.New(t, ctx, 2)
		s := census.New(options(c))
		go func() { _ = s.Run(ctx) }()
		synctest.Wait()
		require.Contains(t, s.Blind(time.Now()), "must stay so for 5s")
		time.Sleep(4900 * time.Millisecond)
		require.NotEmpty(t, s.Blind(time.Now()))
		time.Sleep(200 * time.Millisecond)
		require.Empty(t, s.Blind(time.Now()))

		c.Deafen()
		time.Sleep(1900 * time.Millisecond)
		require.Empty(t, s.Blind(time.Now()))
		time.Sleep(200 * time.Millisecond)
		require.Contains(t, s.Blind(time.Now()), "more than 2s")
		stop()
		synctest.Wait()
	})
}

func TestCensus_EveryNodeHasAFreshStartAfterABlindSpell(t *testing.T) {
	inCluster(t, 3, func(c *nodetest.Cluster, s *census.Census) {
		c.Deafen()
		time.Sleep(20 * time.Second)
		c.Kill("n1") // it never beats again
		heard := time.Now()
		c.Hear()
		time.Sleep(4 * time.Second)
		require.NotEmpty(t, s.Blind(time.Now()), "the view has not been fresh for long enough")
		time.Sleep(1500 * time.Millisecond)
		require.Empty(t, s.Blind(time.Now()))
		n := look(s, "n1")
		require.WithinDuration(t, heard, n.Beat.At, 300*time.Millisecond, "what it missed while we were blind is not held against it")
		require.WithinDuration(t, heard, n.Witness.KubeletRenewed, 300*time.Millisecond)
	})
}

func TestCensus_AListedBeatOfUnknownAgeIsNoSignOfLifeWhileBlind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		c := nodetest.New(t, ctx, 2)
		time.Sleep(3 * time.Second)
		c.Kill("n1")
		time.Sleep(time.Minute)
		s := census.New(options(c)) // a controller that starts now
		go func() { _ = s.Run(ctx) }()
		time.Sleep(1500 * time.Millisecond)
		v := s.Snapshot(time.Now())
		plan := decision.Decide(v.Snapshot, v.Policy, time.Now())
		for _, verdict := range plan.Verdicts {
			want := map[string]v1alpha1.NodeState{"n1": v1alpha1.NodeBlind, "n2": v1alpha1.NodeHealthy}[verdict.Node]
			require.Equal(t, want, verdict.State, verdict.Node)
		}
		stop()
		synctest.Wait()
	})
}

func TestCensus_SignalsNewsAndNotEveryBeat(t *testing.T) {
	inCluster(t, 3, func(c *nodetest.Cluster, s *census.Census) {
		drain := func() {
			select {
			case <-s.Changed():
			default:
			}
		}
		drain()
		time.Sleep(3 * time.Second)
		require.Empty(t, s.Changed(), "beats that say nothing new are no news")
		c.Say("n1", func(hb *heartbeat.Heartbeat) { hb.Phase = v1alpha1.PhaseLeaving })
		time.Sleep(1100 * time.Millisecond)
		require.Len(t, s.Changed(), 1)
		require.True(t, look(s, "n1").Beat.Leaving)
		c.Silence("n2")
		time.Sleep(4 * time.Second)
		drain()
		c.Revive("n2")
		time.Sleep(1100 * time.Millisecond)
		require.Len(t, s.Changed(), 1, "a silent node that is heard again")
	})
}

func TestCensus_APromiseThatNobodyCanKeepIsNotBelieved(t *testing.T) {
	inCluster(t, 2, func(c *nodetest.Cluster, s *census.Census) {
		c.Say("n1", func(hb *heartbeat.Heartbeat) { hb.Next = time.Nanosecond })
		time.Sleep(1100 * time.Millisecond)
		require.Equal(t, 100*time.Millisecond, look(s, "n1").Beat.Next, "each missed beat is a pass")
		c.Say("n1", func(hb *heartbeat.Heartbeat) { hb.Next = 24 * time.Hour })
		time.Sleep(1100 * time.Millisecond)
		require.Equal(t, time.Minute, look(s, "n1").Beat.Next)
	})
}

func TestRechecker_ABootIDWithASlashIsCompared(t *testing.T) {
	inCluster(t, 2, func(c *nodetest.Cluster, s *census.Census) {
		h := c.Health("n1")
		h.Status.Agent = &v1alpha1.AgentStatus{BootID: "a/b", Checks: []v1alpha1.CheckStatus{{Name: "kubelet", State: v1alpha1.CheckUnhealthy}}}
		_, err := c.Bulkhead.BulkheadV1alpha1().NodeHealths().UpdateStatus(t.Context(), h, metav1.UpdateOptions{})
		require.NoError(t, err)
		a := decision.Action{Kind: decision.Isolate, Node: "n1", UID: "uid-n1", Evidence: "check:a/b/kubelet"}
		_, err = census.NewRechecker(s, c).Recheck(t.Context(), a)
		require.NoError(t, err, "it would be cancelled, and decided again, until the budget is spent")
	})
}

func TestCensus_Departing(t *testing.T) {
	pod := func(name, owner string) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Spec: corev1.PodSpec{NodeName: "n1"}}
		if owner != "" {
			yes := true
			p.OwnerReferences = []metav1.OwnerReference{{Kind: owner, Name: "x", Controller: &yes}}
		}
		return p
	}
	now := metav1.Now()
	tests := []struct {
		name   string
		change func(*corev1.Node)
		pods   []*corev1.Pod
		want   string
	}{
		{"an ordinary node is not", func(*corev1.Node) {}, nil, ""},
		{"a deleted Node is", func(n *corev1.Node) { n.DeletionTimestamp, n.Finalizers = &now, []string{"x"} }, nil, "being deleted"},
		{"the autoscaler's mark", func(n *corev1.Node) { n.Spec.Taints = []corev1.Taint{{Key: "ToBeDeletedByClusterAutoscaler"}} }, nil, "ToBeDeletedByClusterAutoscaler"},
		{"karpenter's mark", func(n *corev1.Node) { n.Spec.Taints = []corev1.Taint{{Key: "karpenter.sh/disrupted"}} }, nil, "karpenter.sh/disrupted"},
		{"the cloud's shutdown mark", func(n *corev1.Node) {
			n.Spec.Taints = []corev1.Taint{{Key: "node.cloudprovider.kubernetes.io/shutdown"}}
		}, nil, "shutdown"},
		{"cordoned, and an ordinary pod is left", func(n *corev1.Node) { n.Spec.Unschedulable = true }, []*corev1.Pod{pod("a", "ReplicaSet")}, ""},
		{"cordoned, and only what a drain leaves", func(n *corev1.Node) { n.Spec.Unschedulable = true }, []*corev1.Pod{pod("a", "DaemonSet"), pod("b", "Node")}, "cordoned and drained"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inCluster(t, 2, func(c *nodetest.Cluster, s *census.Census) {
				for _, p := range test.pods {
					_, err := c.Kube.CoreV1().Pods("default").Create(t.Context(), p, metav1.CreateOptions{})
					require.NoError(t, err)
				}
				c.ChangeNode("n1", test.change)
				c.Kill("n1")
				time.Sleep(3 * time.Second)
				look(s, "n1") // asks for the pods of a cordoned node
				synctest.Wait()
				require.Contains(t, look(s, "n1").Departing, test.want)
				require.Equal(t, test.want == "", look(s, "n1").Departing == "")
			})
		})
	}
}

func TestCensus_Locks(t *testing.T) {
	inCluster(t, 2, func(c *nodetest.Cluster, s *census.Census) {
		require.Nil(t, look(s, "n1").Lock)
		c.Lock("upgrade", time.Now().Add(time.Minute))
		synctest.Wait()
		require.Equal(t, "upgrade", look(s, "n1").Lock.Name)
		c.Lock("forever", time.Time{})
		synctest.Wait()
		require.Equal(t, "forever", look(s, "n1").Lock.Name, "the one that holds longest")
		c.Unlock("forever")
		time.Sleep(time.Minute + time.Second)
		require.Nil(t, look(s, "n1").Lock, "one has ended, the other is deleted")
	})
}

func TestCensus_ALockThatCannotBeUnderstoodCoversEveryNode(t *testing.T) {
	inCluster(t, 2, func(c *nodetest.Cluster, s *census.Census) {
		_, err := c.Bulkhead.BulkheadV1alpha1().ProtectionLocks().Create(t.Context(), &v1alpha1.ProtectionLock{
			ObjectMeta: metav1.ObjectMeta{Name: "typo"},
			Spec: v1alpha1.ProtectionLockSpec{Scope: v1alpha1.LockSelector, Owner: "kim", Reason: "r", NodeSelector: &metav1.LabelSelector{
				MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "role", Operator: "Inn", Values: []string{"db"}}},
			}},
		}, metav1.CreateOptions{})
		require.NoError(t, err)
		synctest.Wait()
		require.NotNil(t, look(s, "n1").Lock)
	})
}

func TestCensus_Policies(t *testing.T) {
	byRole := func(role string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{"role": role}}
	}
	state := func(s *census.Census, name string) census.PolicyState {
		for _, p := range s.Snapshot(time.Now()).Policies {
			if p.Name == name {
				return p
			}
		}
		return census.PolicyState{}
	}
	inCluster(t, 3, func(c *nodetest.Cluster, s *census.Census) {
		c.ChangeNode("n1", func(n *corev1.Node) { n.Labels = map[string]string{"role": "db"} })
		c.SetPolicy("default", func(p *v1alpha1.NodeIsolationPolicySpec) { p.Thresholds.MissedBeats = 4 })
		c.SetPolicy("a", func(p *v1alpha1.NodeIsolationPolicySpec) { p.NodeSelector, p.DryRun = byRole("db"), true })
		c.SetPolicy("b", func(p *v1alpha1.NodeIsolationPolicySpec) { p.NodeSelector = byRole("db") })
		c.SetPolicy("c", func(p *v1alpha1.NodeIsolationPolicySpec) { p.NodeSelector = byRole("dbb") })
		synctest.Wait()

		v := s.Snapshot(time.Now())
		require.Equal(t, 4, v.Policy.MissedBeats)
		require.Equal(t, "a", v.Policy.Ladders[look(s, "n1").Ladder].Policy, "the first by name wins")
		require.True(t, v.Policy.Ladders[look(s, "n1").Ladder].DryRun)
		require.Equal(t, "default", v.Policy.Ladders[look(s, "n2").Ladder].Policy)
		require.Equal(t, 2, state(s, "default").Nodes)
		require.True(t, state(s, "a").Accepted)
		require.Equal(t, census.PolicyOverlaps, state(s, "b").Reason)
		require.Contains(t, state(s, "b").Message, "policy a")
		require.Equal(t, census.PolicySelectsNone, state(s, "c").Reason)
		require.Contains(t, state(s, "c").Message, `"role=dbb" matches none of 3 nodes`)

		c.SetPolicy("default", func(p *v1alpha1.NodeIsolationPolicySpec) { p.Budget.Window.Duration = time.Second })
		synctest.Wait()
		require.Equal(t, 4, s.Snapshot(time.Now()).Policy.MissedBeats, "the last good version stays in force")
		require.Equal(t, census.PolicyInvalid, state(s, "default").Reason)
		require.Contains(t, state(s, "default").Message, "shorter than three heartbeats")
	})
}
