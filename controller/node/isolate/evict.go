package isolate

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// evict asks one pod to leave, by UID: a StatefulSet makes the next pod under the same name. It says whether the pod
// is held. Past the deadline the pod is deleted with its own grace: the taint alone would not have heard its
// PodDisruptionBudget at all.
func (e *Evictor) evict(ctx context.Context, n *emptying, p *corev1.Pod) (held bool) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	options := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(p.UID))}
	err := e.kube.PolicyV1().Evictions(p.Namespace).Evict(ctx, &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace},
		DeleteOptions: &options,
	})
	outcome := "evicted"
	if !isGone(err) && e.isOverdue(n, string(p.UID), time.Now()) {
		e.log.Warn("pod is held past the deadline, deleting it with its own grace", "node", n.Node, "pod", p.Namespace+"/"+p.Name, "err", err)
		outcome, err = "deleted", e.kube.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, options)
	}
	switch {
	case isGone(err):
		e.agreed(n, string(p.UID))
	case apierrors.IsTooManyRequests(err):
		outcome = "held"
	case ctx.Err() != nil:
		return false
	default:
		outcome = "error"
		e.log.Error("cannot evict a pod, trying again", "node", n.Node, "pod", p.Namespace+"/"+p.Name, "err", err)
	}
	e.counted(outcome)
	return outcome == "held"
}

// isGone: it agreed to leave, is gone, or another has its name.
func isGone(err error) bool {
	return err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err)
}

// isOverdue notes when the pod was first asked.
func (e *Evictor) isOverdue(n *emptying, pod string, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	first, asked := n.first[pod]
	if !asked {
		n.first[pod], first = now, now
	}
	return now.Sub(first) >= n.Deadline
}

func (e *Evictor) agreed(n *emptying, pod string) {
	e.mu.Lock()
	again := n.asked[pod]
	n.asked[pod] = true
	e.mu.Unlock()
	if !again {
		e.show(n, func(p *Progress) { p.Evicted++ })
	}
}
