package cleanup

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/controller/node/isolate"
	"github.com/bulkhead-dev/bulkhead/controller/node/taint"
)

// removeTaints looks until it finds nothing of ours: a patch that was in flight when the controllers were stopped, or a
// conflict with another writer, is caught by the next look.
func (r run) removeTaints(ctx context.Context) error {
	for {
		nodes, err := r.kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return about("listing nodes", err)
		}
		found := false
		for i := range nodes.Items {
			node := &nodes.Items[i]
			if !isOurs(node) {
				continue
			}
			found = true
			if err := r.removeTaint(ctx, node); err != nil {
				return err
			}
		}
		if !found {
			r.nameForeign(nodes.Items)
			return nil
		}
		if err := pause(ctx); err != nil {
			return about("waiting to look at the nodes again", err)
		}
	}
}

// isOurs says that the node carries a record of our taint; the taint itself may be gone.
func isOurs(node *corev1.Node) bool {
	_, recorded := node.Annotations[v1alpha1.AnnotationOwnedTaint]
	return recorded
}

func (r run) removeTaint(ctx context.Context, node *corev1.Node) error {
	done, err := isolate.NewIsolator(r.kube).Release(ctx, decision.Action{Node: node.Name, UID: string(node.UID)})
	if done {
		mark := taint.Of(node)
		r.Log.Info("node released", "node", node.Name, "rung", mark.Rung, "reason", mark.Reason)
	}
	if apierrors.IsConflict(err) {
		return nil // written again and again meanwhile: the next look decides
	}
	return err
}

// nameForeign tells of taints with our key that we have no record of: a person set them, and a person takes them off.
func (r run) nameForeign(nodes []corev1.Node) {
	for _, node := range nodes {
		for _, t := range node.Spec.Taints {
			if t.Key == v1alpha1.TaintIsolated {
				r.Log.Warn("this taint is not ours and stays", "node", node.Name, "taint", t.ToString())
			}
		}
	}
}
