package census

import (
	"net"
	"strconv"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/controller/node/taint"
)

// facts are what a Node object says, worked out once per change.
type facts struct {
	node         *corev1.Node
	base         decision.Node
	unscheduled  bool // cordoned: whether it was drained as well takes a list of its pods
	kubeletPort  string
	internalAddr string
}

func factsOf(n *corev1.Node, kubeletPort int) facts {
	ready := isReady(n)
	if port := n.Status.DaemonEndpoints.KubeletEndpoint.Port; port > 0 {
		kubeletPort = int(port)
	}
	return facts{
		node: n,
		base: decision.Node{
			Name: n.Name, UID: string(n.UID), Zone: n.Labels[corev1.LabelTopologyZone],
			ControlPlane: isControlPlane(n),
			Schedulable:  ready && !n.Spec.Unschedulable && !isTainted(n),
			Unavailable:  !ready || n.Spec.Unschedulable,
			Departing:    Departing(n),
			OwnTaint:     taint.Of(n).Rung,
		},
		unscheduled:  n.Spec.Unschedulable,
		kubeletPort:  strconv.Itoa(kubeletPort),
		internalAddr: internalAddress(n),
	}
}

func isReady(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func isControlPlane(n *corev1.Node) bool {
	_, current := n.Labels["node-role.kubernetes.io/control-plane"]
	_, old := n.Labels["node-role.kubernetes.io/master"]
	return current || old
}

func isTainted(n *corev1.Node) bool {
	for _, t := range n.Spec.Taints {
		if t.Effect == corev1.TaintEffectNoSchedule || t.Effect == corev1.TaintEffectNoExecute {
			return true
		}
	}
	return false
}

func internalAddress(n *corev1.Node) string {
	for _, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			return a.Address
		}
	}
	return ""
}

// doors are the addresses to dial: the kubelet's and the agent's.
func (f facts) doors(b beat, agentPort int) []string {
	if f.internalAddr == "" {
		return nil
	}
	agent := b.event.Beat.Address
	if agent == "" {
		agent = net.JoinHostPort(f.internalAddr, strconv.Itoa(agentPort))
	}
	return []string{net.JoinHostPort(f.internalAddr, f.kubeletPort), agent}
}

// report is what an agent and people say in a NodeHealth.
type report struct {
	agent  decision.Report
	intent v1alpha1.Intent
	reason string
}

func reportOf(h *v1alpha1.NodeHealth) report {
	r := report{intent: h.Spec.Intent, reason: h.Spec.Reason}
	if a := h.Status.Agent; a != nil {
		r.agent = decision.Report{Sequence: a.Sequence, BootID: a.BootID, Checks: make([]decision.Check, len(a.Checks))}
		for i, c := range a.Checks {
			r.agent.Checks[i] = decision.Check{
				Name: c.Name, State: c.State, Reason: c.Reason, Message: c.Message,
				ExplainedBy: c.ExplainedBy, ConfirmedFast: c.ConfirmedFast,
			}
		}
	}
	return r
}

func (r report) isFailing() bool {
	for _, c := range r.agent.Checks {
		if c.State == v1alpha1.CheckUnhealthy || c.ConfirmedFast {
			return true
		}
	}
	return false
}

func (c *Census) nodeChanged(old, now *corev1.Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now == nil {
		delete(c.facts, old.Name)
		c.stale = true
	} else {
		c.facts[now.Name] = factsOf(now, c.o.KubeletPort)
		c.stale = c.stale || old == nil || !sameLabels(old, now)
	}
	c.signal()
}

func (c *Census) healthChanged(old, now *v1alpha1.NodeHealth) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now == nil {
		delete(c.reports, old.Name)
	} else {
		c.reports[now.Name] = reportOf(now)
	}
	c.signal()
}

// kubeletChanged notes when a kubelet's Lease was seen to change. At the first sighting it may be of any age, and
// counts as seen now: so it testifies too late, never too early. It wakes nobody, unless the node is silent: a renewal
// every 10 s by each of 5 000 kubelets is no news.
func (c *Census) kubeletChanged(old, now *coordinationv1.Lease) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now == nil {
		delete(c.renewals, old.Name)
		return
	}
	if mark := kubeletMark(now); c.renewals[now.Name].version != mark {
		c.renewals[now.Name] = renewal{version: mark, at: time.Now()}
	}
	if b, ok := c.beats[now.Name]; ok && time.Since(b.at) > 2*b.event.Beat.Next {
		c.signal()
	}
}

// kubeletMark changes with every renewal, and with nothing else.
func kubeletMark(l *coordinationv1.Lease) string {
	mark := string(l.UID)
	if l.Spec.HolderIdentity != nil {
		mark += "/" + *l.Spec.HolderIdentity
	}
	if l.Spec.RenewTime != nil {
		mark += "@" + l.Spec.RenewTime.UTC().Format(time.RFC3339Nano)
	}
	return mark
}

func sameLabels(a, b *corev1.Node) bool {
	if len(a.Labels) != len(b.Labels) {
		return false
	}
	for k, v := range a.Labels {
		if w, ok := b.Labels[k]; !ok || v != w {
			return false
		}
	}
	return true
}
