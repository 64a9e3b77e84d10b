package isolate

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/controller/node/taint"
)

// An Isolator writes our taint on Nodes.
type Isolator struct{ kube kubernetes.Interface }

// NewIsolator writes to the cluster the client talks to.
func NewIsolator(kube kubernetes.Interface) *Isolator { return &Isolator{kube} }

// Isolate puts our taint on the Node as it was read, in place of any other of ours, and says whether it had to. A Node
// that changed since it was read is a conflict, which apierrors.IsConflict tells: read it again, and check again what
// the action rests on.
func (i *Isolator) Isolate(ctx context.Context, node *corev1.Node, a decision.Action) (done bool, err error) {
	mark := taint.Mark{Rung: a.Rung, Reason: a.Reason, Permit: a.Permit}
	if taint.Of(node) == mark {
		return false, nil
	}
	next, err := taint.Put(node, mark, metav1.Now())
	if err == nil {
		err = i.patch(ctx, node, next)
	}
	return err == nil, about("tainting "+node.Name, err)
}

// Release takes our taint back, and its record, and says whether it had to.
func (i *Isolator) Release(ctx context.Context, a decision.Action) (done bool, err error) {
	err = i.change(ctx, a.Node, a.UID, func(*corev1.Node) bool { done = true; return true })
	return done && err == nil, about("releasing "+a.Node, err)
}

// Forget removes the record of a taint that somebody else removed, so that it does not make a later taint look like ours.
func (i *Isolator) Forget(ctx context.Context, node, uid string) error {
	return about("forgetting the taint of "+node, i.change(ctx, node, uid, taint.Stale))
}

// change removes what is ours from a Node, if when says so of the Node as it is now.
func (i *Isolator) change(ctx context.Context, name, uid string, when func(*corev1.Node) bool) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		node, err := i.kube.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, recorded := node.Annotations[v1alpha1.AnnotationOwnedTaint]; string(node.UID) != uid || !recorded || !when(node) {
			return nil
		}
		return i.patch(ctx, node, taint.Remove(node))
	})
}

// patch writes taints and our annotations, and only if the Node is still as it was read: the list of taints is written
// whole, so anything newer would be lost.
func (i *Isolator) patch(ctx context.Context, from, to *corev1.Node) error {
	taints := to.Spec.Taints
	if taints == nil {
		taints = []corev1.Taint{}
	}
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"uid": from.UID, "resourceVersion": from.ResourceVersion,
			"annotations": map[string]any{
				v1alpha1.AnnotationOwnedTaint: annotation(to, v1alpha1.AnnotationOwnedTaint),
				v1alpha1.AnnotationPermit:     annotation(to, v1alpha1.AnnotationPermit),
			},
		},
		"spec": map[string]any{"taints": taints},
	})
	if err != nil {
		return err
	}
	_, err = i.kube.CoreV1().Nodes().Patch(ctx, from.Name, types.MergePatchType, body, metav1.PatchOptions{})
	return err
}

// annotation is the value to write; nil removes it.
func annotation(n *corev1.Node, key string) any {
	if v, ok := n.Annotations[key]; ok {
		return v
	}
	return nil
}

func about(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
