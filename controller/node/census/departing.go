package census

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
)

// departureTaints are set by those who are about to take the machine away.
var departureTaints = []string{
	"ToBeDeletedByClusterAutoscaler",
	"karpenter.sh/disrupted",
	"node.cloudprovider.kubernetes.io/shutdown",
}

// Departing says why a node is going away on purpose, as far as the Node itself tells; empty if it is not.
func Departing(n *corev1.Node) string {
	if n.DeletionTimestamp != nil {
		return "the Node is being deleted"
	}
	for _, t := range n.Spec.Taints {
		if slices.Contains(departureTaints, t.Key) {
			return "the Node carries the taint " + t.Key
		}
	}
	return ""
}

const (
	// drainedFor is how long an answer about a node's pods is believed.
	drainedFor = 5 * time.Second
	// podsTimeout bounds the list of one node's pods.
	podsTimeout = 3 * time.Second
)

// drained knows of cordoned nodes whether only pods are left that a drain leaves. It lists the pods of those nodes
// somebody asks about, which are few: cordoned, and silent or failing.
type drained struct {
	kube kubernetes.Interface
	wake chan struct{}

	mu     sync.Mutex // guards everything below
	wanted map[string]string
	known  map[string]answer // by node UID
}

type answer struct {
	at  time.Time
	why string // why the node is departing; empty: it is not
}

func newDrained(kube kubernetes.Interface) *drained {
	return &drained{kube: kube, wake: make(chan struct{}, 1), wanted: map[string]string{}, known: map[string]answer{}}
}

// why says why a cordoned node is departing. While its pods have not been counted it counts as departing: the count
// takes milliseconds, and an isolation cannot be taken back.
func (d *drained) why(n *corev1.Node, now time.Time) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	uid := string(n.UID)
	a, known := d.known[uid]
	if !known || now.Sub(a.at) >= drainedFor {
		d.wanted[uid] = n.Name
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
	if !known {
		return "the Node is cordoned; whether it was drained is not known yet"
	}
	return a.why
}

func (d *drained) run(ctx context.Context, changed func()) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.wake:
		}
		for uid, name := range d.take() {
			d.learn(uid, d.count(ctx, name), changed)
		}
	}
}

func (d *drained) take() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := d.wanted
	d.wanted = map[string]string{}
	now := time.Now()
	maps.DeleteFunc(d.known, func(_ string, a answer) bool { return now.Sub(a.at) > time.Minute })
	return taken
}

func (d *drained) learn(uid, why string, changed func()) {
	d.mu.Lock()
	old, known := d.known[uid]
	d.known[uid] = answer{time.Now(), why}
	d.mu.Unlock()
	if !known || old.why != why {
		changed()
	}
}

func (d *drained) count(ctx context.Context, node string) string {
	ctx, cancel := context.WithTimeout(ctx, podsTimeout)
	defer cancel()
	pods, err := d.kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("spec.nodeName", node).String(),
	})
	if err != nil {
		return fmt.Sprintf("the Node is cordoned; whether it was drained cannot be told: %v", err)
	}
	for i := range pods.Items {
		if !staysInADrain(&pods.Items[i]) {
			return ""
		}
	}
	return "the Node is cordoned and drained"
}

// staysInADrain: DaemonSet, static and mirror pods, and those that have ended.
func staysInADrain(p *corev1.Pod) bool {
	if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
		return true
	}
	if _, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]; mirror {
		return true
	}
	owner := metav1.GetControllerOf(p)
	return owner != nil && (owner.Kind == "DaemonSet" || owner.Kind == "Node")
}
