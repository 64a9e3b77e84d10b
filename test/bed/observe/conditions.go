package observe

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// A Condition says by an error what is still missing.
type Condition = func(State) error

// All holds when each of the conditions does.
func All(conditions ...Condition) Condition {
	return func(s State) error {
		for _, c := range conditions {
			if err := c(s); err != nil {
				return err
			}
		}
		return nil
	}
}

// InState: the verdict about a node is one of these.
func InState(node string, states ...v1alpha1.NodeState) Condition {
	return func(s State) error {
		if got := s.Health(node).State; !slices.Contains(states, got) {
			return fmt.Errorf("%s is %q, not one of %v", node, got, states)
		}
		return nil
	}
}

// Tainted: a node carries our NoExecute taint.
func Tainted(node string) Condition {
	return func(s State) error {
		if t := s.Taint(node); t == nil || t.Effect != corev1.TaintEffectNoExecute {
			return fmt.Errorf("%s has no NoExecute taint of ours", node)
		}
		return nil
	}
}

// Untainted: none of these nodes carries our taint.
func Untainted(nodes ...string) Condition {
	return func(s State) error {
		for _, node := range nodes {
			if t := s.Taint(node); t != nil {
				return fmt.Errorf("%s has our taint %s=%s", node, t.Effect, t.Value)
			}
		}
		return nil
	}
}

// Leaving: each of these pods is Terminating or gone.
func Leaving(pods []*corev1.Pod) Condition {
	return func(s State) error {
		for _, old := range pods {
			if p := s.Pods[old.Namespace+"/"+old.Name]; p != nil && p.UID == old.UID && p.DeletionTimestamp == nil {
				return fmt.Errorf("%s was not asked to leave", p.Name)
			}
		}
		return nil
	}
}

// ReadyElsewhere: this many pods of the workload are Ready on other nodes than this one.
func ReadyElsewhere(w Workload, node string) Condition {
	return func(s State) error {
		ready := 0
		for _, p := range s.PodsOf(w.Namespace, w.App) {
			if IsPodReady(p) && p.Spec.NodeName != node {
				ready++
			}
		}
		if ready < w.Replicas {
			return fmt.Errorf("%d of %d replicas are Ready elsewhere", ready, w.Replicas)
		}
		return nil
	}
}

// LedgerIsEmpty: no permit is spent, nothing is decided or in force.
func LedgerIsEmpty(s State) error {
	l := s.Ledger
	if l == nil {
		return fmt.Errorf("there is no ledger")
	}
	if len(l.Permits)+len(l.Intents)+len(l.Isolations) > 0 {
		return fmt.Errorf("the ledger has %d permits, %d intents, %d isolations", len(l.Permits), len(l.Intents), len(l.Isolations))
	}
	return nil
}
