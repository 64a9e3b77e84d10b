package isolate

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// fate of a pod on an isolated node.
type fate int

const (
	ignored fate = iota // not ours to end: terminating, ended, of a DaemonSet, static or mirror
	staying             // tolerates our taint
	leaving             // to be evicted
)

// fateOf follows the table in doc.go.
func fateOf(p *corev1.Pod, ours corev1.Taint) fate {
	switch {
	case p.DeletionTimestamp != nil, p.Status.Phase == corev1.PodSucceeded, p.Status.Phase == corev1.PodFailed, isStatic(p):
		return ignored
	case tolerates(p.Spec.Tolerations, ours):
		return staying
	case isOfDaemonSet(p):
		return ignored
	default:
		return leaving
	}
}

// isStatic: the kubelet made it from a file, and would make it again. What we see of it is its mirror.
func isStatic(p *corev1.Pod) bool {
	if _, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]; mirror {
		return true
	}
	source, known := p.Annotations["kubernetes.io/config.source"]
	return known && source != "api"
}

func isOfDaemonSet(p *corev1.Pod) bool {
	owner := metav1.GetControllerOf(p)
	return owner != nil && owner.Kind == "DaemonSet"
}

func tolerates(tolerations []corev1.Toleration, t corev1.Taint) bool {
	for i := range tolerations {
		if tolerations[i].ToleratesTaint(klog.Background(), &t, true) {
			return true
		}
	}
	return false
}

// taintFor is our taint on the rung NoExecute.
func taintFor(reason v1alpha1.Reason) corev1.Taint {
	return corev1.Taint{Key: v1alpha1.TaintIsolated, Value: string(reason), Effect: corev1.TaintEffectNoExecute}
}
