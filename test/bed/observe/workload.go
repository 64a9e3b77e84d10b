package observe

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// A Workload is a Deployment of pods that are on their feet, and off again, within a second, the same number on every
// node.
type Workload struct {
	Namespace, App string
	Replicas       int
}

// Manifest is what to apply for it. A node with a taint does not count when pods are spread, so they can all run
// elsewhere.
func (w Workload) Manifest() string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  replicas: %[3]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, nodeTaintsPolicy: Honor, labelSelector: {matchLabels: {app: %[1]s}}}
      containers:
      - name: hello
        image: test.bulkhead.dev/hello:1
        imagePullPolicy: Never
        resources: {requests: {cpu: 1m, memory: 1Mi}}
`, w.App, w.Namespace, w.Replicas)
}

// On lists the pods of the workload on a node that are not leaving it.
func (w Workload) On(s State, node string) []*corev1.Pod {
	var out []*corev1.Pod
	for _, p := range s.PodsOf(w.Namespace, w.App) {
		if p.Spec.NodeName == node && p.DeletionTimestamp == nil {
			out = append(out, p)
		}
	}
	return out
}

// Spread moves pods until every node has as many as every other.
func (w Workload) Spread(ctx context.Context, kube kubernetes.Interface, v *View) error {
	for range 10 {
		if _, err := v.Until(ctx, "the workload", ReadyElsewhere(w, "")); err != nil {
			return err
		}
		surplus := w.surplus(v.Now())
		if len(surplus) == 0 {
			return nil
		}
		for _, pod := range surplus {
			if err := kube.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{}); err != nil {
				return err
			}
		}
		_, err := v.Until(ctx, "the moved pods to end", func(s State) error {
			for _, pod := range surplus {
				if s.Pods[pod.Namespace+"/"+pod.Name] != nil {
					return fmt.Errorf("%s is still there", pod.Name)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return errors.New("the workload cannot be spread over the nodes")
}

func (w Workload) surplus(s State) []*corev1.Pod {
	var out []*corev1.Pod
	fair := w.Replicas / len(s.Nodes)
	for node := range s.Nodes {
		if pods := w.On(s, node); len(pods) > fair {
			out = append(out, pods[fair:]...)
		}
	}
	return out
}
