// Package taint reads and writes our taint on a Node, and the record that says it is ours. It is pure: it takes a Node
// and returns a changed copy; patching is isolate's.
//
// A taint is ours when its key is bulkhead.dev/isolated and the annotation bulkhead.dev/owned-taint names its effect
// and value. The same key without the record, or with another effect or value, was set by a person and stays.
package taint

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// Mark is our taint as it stands on a node.
type Mark struct {
	Rung   v1alpha1.Action // NoSchedule or NoExecute
	Reason v1alpha1.Reason
	Permit string // empty for NoSchedule
}

// Of returns our taint, the zero Mark if it is not there.
func Of(n *corev1.Node) Mark {
	record := n.Annotations[v1alpha1.AnnotationOwnedTaint]
	for _, t := range n.Spec.Taints {
		if t.Key == v1alpha1.TaintIsolated && recordOf(t) == record {
			return Mark{v1alpha1.Action(t.Effect), v1alpha1.Reason(t.Value), n.Annotations[v1alpha1.AnnotationPermit]}
		}
	}
	return Mark{}
}

// Put returns the node with our taint as m says, in place of any other of ours. It fails when a person's taint of our
// key and effect is in its place: the API knows no two of them, and that one is not ours to replace.
func Put(n *corev1.Node, m Mark, now metav1.Time) (*corev1.Node, error) {
	next := Remove(n)
	ours := corev1.Taint{Key: v1alpha1.TaintIsolated, Value: string(m.Reason), Effect: corev1.TaintEffect(m.Rung), TimeAdded: &now}
	for _, t := range next.Spec.Taints {
		if t.MatchTaint(&ours) {
			return nil, fmt.Errorf("somebody else's taint %s=%s:%s is in the place of ours", t.Key, t.Value, t.Effect)
		}
	}
	next.Spec.Taints = append(next.Spec.Taints, ours)
	if next.Annotations == nil {
		next.Annotations = map[string]string{}
	}
	next.Annotations[v1alpha1.AnnotationOwnedTaint] = recordOf(ours)
	if m.Permit != "" {
		next.Annotations[v1alpha1.AnnotationPermit] = m.Permit
	}
	return next, nil
}

// Remove returns the node without our taint and its record.
func Remove(n *corev1.Node) *corev1.Node {
	next := n.DeepCopy()
	record := n.Annotations[v1alpha1.AnnotationOwnedTaint]
	next.Spec.Taints = slices.DeleteFunc(next.Spec.Taints, func(t corev1.Taint) bool {
		return t.Key == v1alpha1.TaintIsolated && recordOf(t) == record
	})
	delete(next.Annotations, v1alpha1.AnnotationOwnedTaint)
	delete(next.Annotations, v1alpha1.AnnotationPermit)
	return next
}

// Stale says that the record is there without the taint it names: somebody removed the taint and left the record.
func Stale(n *corev1.Node) bool {
	return strings.Contains(n.Annotations[v1alpha1.AnnotationOwnedTaint], "=") && Of(n) == Mark{}
}

func recordOf(t corev1.Taint) string { return string(t.Effect) + "=" + t.Value }
