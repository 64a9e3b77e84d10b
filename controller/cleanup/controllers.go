package cleanup

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// stopControllers returns how many of their pods were left when patience ended.
func (r run) stopControllers(ctx context.Context) (left int, err error) {
	_, err = r.kube.AppsV1().Deployments(r.Namespace).Patch(ctx, r.Deployment, types.MergePatchType,
		[]byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{}, "scale")
	if err := unlessGone(err); err != nil {
		return 0, about("scaling "+r.Namespace+"/"+r.Deployment+" to 0", err)
	}
	for until := time.Now().Add(r.Patience); ; {
		pods, err := r.kube.CoreV1().Pods(r.Namespace).List(ctx, metav1.ListOptions{LabelSelector: r.PodSelector})
		if err != nil {
			return 0, about("looking for the controllers' pods", err)
		}
		if len(pods.Items) == 0 {
			return 0, nil
		}
		if !time.Now().Before(until) {
			for _, pod := range pods.Items {
				r.Log.Warn("a controller's pod does not end", "pod", pod.Name, "node", pod.Spec.NodeName)
			}
			return len(pods.Items), nil
		}
		if err := pause(ctx); err != nil {
			return 0, about("waiting for the controllers' pods to end", err)
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(lookEvery):
		return nil
	}
}
