package observe

import (
	"maps"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// State is what the watches brought by one moment. Its objects are shared: read them, never write.
type State struct {
	// At is when the newest change arrived.
	At          time.Time
	Nodes       map[string]*corev1.Node
	NodeHealths map[string]*v1alpha1.NodeHealth
	Pods        map[string]*corev1.Pod           // by namespace/name
	Leases      map[string]*coordinationv1.Lease // by namespace/name; the heartbeats' namespace is left out
	Events      map[string]*eventsv1.Event       // by namespace/name
	Ledger      *v1alpha1.IsolationLedger
}

// Taint is our taint on a node, nil if it is not there.
func (s State) Taint(node string) *corev1.Taint {
	n := s.Nodes[node]
	if n == nil {
		return nil
	}
	at := slices.IndexFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == v1alpha1.TaintIsolated })
	if at < 0 {
		return nil
	}
	return &n.Spec.Taints[at]
}

// Tainted lists the nodes that carry our taint.
func (s State) Tainted() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.Nodes)) {
		if s.Taint(name) != nil {
			out = append(out, name)
		}
	}
	return out
}

// Health is the status of a node's NodeHealth, empty if there is none.
func (s State) Health(node string) v1alpha1.NodeHealthStatus {
	if nh := s.NodeHealths[node]; nh != nil {
		return nh.Status
	}
	return v1alpha1.NodeHealthStatus{}
}

// Check is what a node's agent believes of one subsystem, empty if it says nothing.
func (s State) Check(node, name string) v1alpha1.CheckStatus {
	agent := s.Health(node).Agent
	if agent == nil {
		return v1alpha1.CheckStatus{}
	}
	at := slices.IndexFunc(agent.Checks, func(c v1alpha1.CheckStatus) bool { return c.Name == name })
	if at < 0 {
		return v1alpha1.CheckStatus{}
	}
	return agent.Checks[at]
}

// PodsOf lists the pods of a namespace whose label app has the value.
func (s State) PodsOf(namespace, app string) []*corev1.Pod {
	var out []*corev1.Pod
	for _, key := range slices.Sorted(maps.Keys(s.Pods)) {
		if pod := s.Pods[key]; pod.Namespace == namespace && pod.Labels["app"] == app {
			out = append(out, pod)
		}
	}
	return out
}

// EventsAbout lists the Events about an object, by kind and name.
func (s State) EventsAbout(kind, name string) []*eventsv1.Event {
	var out []*eventsv1.Event
	for _, key := range slices.Sorted(maps.Keys(s.Events)) {
		if e := s.Events[key]; e.Regarding.Kind == kind && e.Regarding.Name == name {
			out = append(out, e)
		}
	}
	return out
}

// Node Ready and schedulable, as Kubernetes sees it.
func IsReady(n *corev1.Node) bool {
	return n != nil && slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// IsPodReady says whether a pod is Ready and not on its way out.
func IsPodReady(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// Summary is the state in a few lines, for the report of a failure.
func (s State) Summary() string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.Nodes)) {
		h := s.Health(name)
		out.WriteString(name + ": ready=" + yes(IsReady(s.Nodes[name])) + " state=" + string(h.State) + " reason=" + string(h.Reason))
		if t := s.Taint(name); t != nil {
			out.WriteString(" taint=" + string(t.Effect) + "/" + t.Value)
		}
		if h.Isolation != nil && h.Isolation.Withheld != nil {
			out.WriteString(" withheld=" + h.Isolation.Withheld.Summary)
		}
		if h.Message != "" {
			out.WriteString(" (" + h.Message + ")")
		}
		out.WriteString("\n")
	}
	if l := s.Ledger; l != nil {
		out.WriteString("ledger: leader " + l.Leader)
		for _, p := range l.Permits {
			out.WriteString(", permit " + p.ID + " for " + p.Node)
		}
		for _, i := range l.Intents {
			out.WriteString(", intent " + i.Permit + " for " + i.Node)
		}
		out.WriteString("\n")
	}
	return out.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
