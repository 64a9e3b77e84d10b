//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// isolated expects everything an isolation is: shown, tainted under one permit, its pods asked to leave and running
// elsewhere. pods are those that were on the node before. It returns when the taint came.
func (s *scene) isolated(node string, since time.Time, reason v1alpha1.Reason, pods []*corev1.Pod, states ...v1alpha1.NodeState) (taint time.Time) {
	s.t.Helper()
	isShown := "shown before"
	if inState(node, states...)(s.view.Now()) != nil {
		isShown = "shown " + seconds(s.until("the fault to be shown", 30*time.Second, inState(node, states...)).Sub(since))
	}
	taint = s.until("the taint", 30*time.Second, tainted(node))
	left := s.until("the pods to be asked to leave", 15*time.Second, leaving(pods))
	ready := s.until("the pods to run elsewhere", time.Minute, readyElsewhere(node))
	s.until("the isolation to be shown", 10*time.Second, isolationShown(node, reason))
	require.NotEmpty(s.t, pods, "the case proves nothing without pods on the node")

	st := s.view.Now()
	require.Equal(s.t, string(reason), st.Taint(node).Value)
	require.Len(s.t, permits(st, node), 1)
	require.Equal(s.t, reason, permits(st, node)[0].Reason)
	s.note("%s: %s, tainted %s, pods leaving %s, Ready elsewhere %s", reason, isShown,
		seconds(taint.Sub(since)), seconds(left.Sub(since)), seconds(ready.Sub(since)))
	return taint
}

// isolationShown: NodeHealth and an Event say that the node is isolated, and why.
func isolationShown(node string, reason v1alpha1.Reason) condition {
	return func(s observe.State) error {
		h := s.Health(node)
		if h.Isolation == nil || h.Isolation.Action != v1alpha1.ActionNoExecute || h.Isolation.Reason != reason || h.Isolation.Permit == "" {
			return fmt.Errorf("the NodeHealth of %s shows no isolation for %s: %+v", node, reason, h.Isolation)
		}
		return told("Node", node, "Isolated")(s)
	}
}

// released expects that our taint goes once the node is well.
func (s *scene) released(node string, since time.Time) {
	s.t.Helper()
	at := s.until("the release", time.Minute, untainted(node))
	s.until("the node to be well", 30*time.Second, inState(node, v1alpha1.NodeHealthy))
	s.note("released %s after it was healed", seconds(at.Sub(since)))
}

// heal undoes everything and returns when.
func (s *scene) heal() time.Time {
	at := time.Now()
	s.undoAll()
	return at
}

// reported plays a fault that the node's own agent reports.
func reported(s *scene, node string, reason v1alpha1.Reason, verb string, args ...string) {
	pods := hello.On(s.view.Now(), node)
	at := s.harm(verb, node, args...)
	s.isolated(node, at, reason, pods, v1alpha1.NodeUnhealthy)
	s.released(node, s.heal())
}

// The node's own way to the API server is gone, the Service address. What the agent finds arrives all the same, over the
// addresses it remembers; and so it does from an agent that is started on such a node.
func rulesFlushed(s *scene) {
	pods := hello.On(s.view.Now(), "n2")
	at := s.harm("flush-rules", "n2")
	require.Error(s.t, s.reachService("n2"), "the Service address still answers on n2: the fault was not injected")
	s.isolated("n2", at, v1alpha1.ReasonNetfilterEmpty, pods, v1alpha1.NodeUnhealthy)
	s.killAgent("n2")
	s.until("the agent to be heard again", 30*time.Second, newHolder("n2", s.view.Now().Health("n2").Lease.Holder))
	s.until("the new agent to find the rules missing", time.Minute, inCheck("n2", "netfilter", v1alpha1.CheckUnhealthy))
	s.during(watchReported, heartbeat("n2", v1alpha1.LeaseFresh), tainted("n2"))
	require.Error(s.t, s.reachService("n2"), "the Service address answered meanwhile: the case proves nothing")
	s.note("an agent started without the rules says so too")
	s.released("n2", s.heal())
}

func containerdStopped(s *scene) {
	reported(s, "n2", v1alpha1.ReasonRuntimeNotRunning, "stop-unit", "containerd")
}

func kubeletStopped(s *scene) {
	reported(s, "n3", v1alpha1.ReasonKubeletNotRunning, "stop-unit", "kubelet")
}

func kubeletFrozen(s *scene) {
	reported(s, "n2", v1alpha1.ReasonKubeletNotAnswering, "freeze-unit", "kubelet")
}

func containerdFrozen(s *scene) {
	reported(s, "n3", v1alpha1.ReasonRuntimeNotAnswering, "freeze-unit", "containerd")
}

func containerdStoppedHostAgent(s *scene) {
	s.needHostAgent()
	reported(s, "n4", v1alpha1.ReasonRuntimeNotRunning, "stop-unit", "containerd")
}

func kubeletFrozenHostAgent(s *scene) {
	s.needHostAgent()
	reported(s, "n4", v1alpha1.ReasonKubeletNotAnswering, "freeze-unit", "kubelet")
}

// needHostAgent runs the agent of n4 as a systemd unit, if it does not already.
func (s *scene) needHostAgent() {
	s.t.Helper()
	if s.hostAgent {
		return
	}
	require.NoError(s.t, s.bed.InstallHostAgent(s.ctx, "n4", agentConfig))
	s.hostAgent = true
	s.until("the agent of n4 to be heard", 30*time.Second, inState("n4", v1alpha1.NodeHealthy), heartbeat("n4", v1alpha1.LeaseFresh))
}

// silent plays a fault that silences a node. A leader that is alive must have missed its beats: it suspects the node, or
// calls it down at once if the kubelet's own renewal was overdue by then.
func silent(s *scene, node, verb string) {
	pods := hello.On(s.view.Now(), node)
	at := s.harm(verb, node)
	missed := s.until("the node to be suspect", 10*time.Second, inState(node, v1alpha1.NodeSuspect, v1alpha1.NodeDown), heartbeat(node, v1alpha1.LeaseLost))
	s.must(s.leads(s.ctx))
	s.note("classed silent %s", seconds(missed.Sub(at)))
	s.isolated(node, at, v1alpha1.ReasonNodeDown, pods, v1alpha1.NodeDown)
	s.released(node, s.heal())
}

func poweredOff(s *scene)  { silent(s, "n3", "power-off") }
func cutOff(s *scene)      { silent(s, "n2", "cut") }
func frozenWhole(s *scene) { silent(s, "n1", "freeze-node") }

// Other owners' taints and a cordon are there before, during and after.
func foreignTaintAndCordon(s *scene) {
	const foreign = "example.com/dedicated"
	s.kubectl("taint", "node", "n2", foreign+"=gpu:PreferNoSchedule")
	s.kubectl("cordon", "n2")
	s.later(func() {
		s.kubectl("taint", "node", "n2", foreign+"-")
		s.kubectl("uncordon", "n2")
	})
	theirs := func(st observe.State) error {
		n := st.Nodes["n2"]
		if !n.Spec.Unschedulable {
			return fmt.Errorf("n2 is no longer cordoned")
		}
		for _, t := range n.Spec.Taints {
			if t.Key == foreign && t.Value == "gpu" && t.Effect == corev1.TaintEffectPreferNoSchedule {
				return nil
			}
		}
		return fmt.Errorf("the foreign taint is gone from n2: %v", n.Spec.Taints)
	}
	s.until("taint and cordon", 5*time.Second, theirs)
	pods := hello.On(s.view.Now(), "n2")
	at := s.harm("stop-unit", "n2", "containerd")
	s.isolated("n2", at, v1alpha1.ReasonRuntimeNotRunning, pods, v1alpha1.NodeUnhealthy)
	s.during(time.Second, theirs)
	s.refund()
	s.restore("start-unit", "n2", "containerd")
	s.released("n2", time.Now())
	s.during(time.Second, theirs, untainted("n2"))
	n := s.view.Now().Nodes["n2"]
	require.NotContains(s.t, n.Annotations, v1alpha1.AnnotationOwnedTaint)
}

// Leader and node die together; the standby takes over and does what is to be done.
func leaderOnTheDeadNode(s *scene) {
	leader, err := s.leads(s.ctx)
	require.NoError(s.t, err)
	node := ""
	st := s.view.Now()
	for _, p := range st.Pods {
		if p.Namespace == v1alpha1.SystemNamespace && strings.HasPrefix(leader, p.Name) {
			node = p.Spec.NodeName
		}
	}
	require.NotEmpty(s.t, node, "no pod is called like the leader %s", leader)
	s.victims = []string{node}
	pods := hello.On(st, node)
	at := s.harm("power-off", node)
	next := s.until("another leader", 30*time.Second, func(st observe.State) error {
		if l := st.Ledger; l == nil || l.Leader == leader || l.Leader == "" {
			return fmt.Errorf("%s leads", leader)
		}
		return nil
	})
	s.note("leader and %s died; the next led after %s", node, seconds(next.Sub(at)))
	s.until("the node to be suspect", 20*time.Second, inState(node, v1alpha1.NodeSuspect, v1alpha1.NodeBlind, v1alpha1.NodeDown))
	s.isolated(node, at, v1alpha1.ReasonNodeDown, pods, v1alpha1.NodeDown)
	s.released(node, s.heal())
}
