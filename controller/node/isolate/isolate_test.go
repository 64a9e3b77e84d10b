package isolate

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/controller/node/taint"
)

var quiet = slog.New(slog.DiscardHandler)

func pod(name string, change func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", UID: types.UID("uid-" + name)},
		Spec:       corev1.PodSpec{NodeName: "n1"}, Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
	if change != nil {
		change(p)
	}
	return p
}

func ownedBy(kind string) func(*corev1.Pod) {
	yes := true
	return func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: "x", Controller: &yes}}
	}
}

func tolerating(t corev1.Toleration) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.Tolerations = []corev1.Toleration{t} }
}

func TestFateOf(t *testing.T) {
	now, seconds := metav1.Now(), int64(30)
	tests := []struct {
		name   string
		change func(*corev1.Pod)
		want   fate
	}{
		{"an ordinary pod leaves", nil, leaving},
		{"a pod of a ReplicaSet leaves", ownedBy("ReplicaSet"), leaving},
		{"a pod of a StatefulSet leaves", ownedBy("StatefulSet"), leaving},
		{"a pending pod leaves", func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }, leaving},
		{"a pod of a DaemonSet is not ours to end", ownedBy("DaemonSet"), ignored},
		{"a mirror pod is not", func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"} }, ignored},
		{"a static pod is not", func(p *corev1.Pod) { p.Annotations = map[string]string{"kubernetes.io/config.source": "file"} }, ignored},
		{"a terminating pod is not", func(p *corev1.Pod) { p.DeletionTimestamp = &now }, ignored},
		{"a pod that succeeded is not", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }, ignored},
		{"a pod that failed is not", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, ignored},
		{"one that tolerates everything stays", tolerating(corev1.Toleration{Operator: corev1.TolerationOpExists}), staying},
		{"one that tolerates our key stays", tolerating(corev1.Toleration{Key: v1alpha1.TaintIsolated, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute}), staying},
		{"one that tolerates it for a while stays for that while", tolerating(corev1.Toleration{Key: v1alpha1.TaintIsolated, Operator: corev1.TolerationOpExists, TolerationSeconds: &seconds}), staying},
		{"one that tolerates another effect leaves", tolerating(corev1.Toleration{Key: v1alpha1.TaintIsolated, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}), leaving},
		{"one that tolerates another reason leaves", tolerating(corev1.Toleration{Key: v1alpha1.TaintIsolated, Value: "Other"}), leaving},
		{"one that tolerates our reason stays", tolerating(corev1.Toleration{Key: v1alpha1.TaintIsolated, Value: "NodeDown"}), staying},
		{"a tolerating DaemonSet's pod stays, and is listed", func(p *corev1.Pod) {
			ownedBy("DaemonSet")(p)
			tolerating(corev1.Toleration{Operator: corev1.TolerationOpExists})(p)
		}, staying},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, fateOf(pod("p", test.change), taintFor("NodeDown")))
		})
	}
}

// emptied is a fake cluster whose eviction endpoint does what a test says.
type emptied struct {
	kube *fake.Clientset

	mu      sync.Mutex // guards everything below
	held    map[string]bool
	evicted []string
	deleted []string
	at      []time.Time
}

func newEmptied(pods ...*corev1.Pod) *emptied {
	c := &emptied{kube: fake.NewClientset(), held: map[string]bool{}}
	for _, p := range pods {
		_ = c.kube.Tracker().Add(p)
	}
	c.kube.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if a.GetSubresource() != "eviction" {
			return false, nil, nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		e := a.(clienttesting.CreateAction).GetObject().(*policyv1.Eviction)
		c.at = append(c.at, time.Now())
		if c.held[e.Name] {
			return true, nil, apierrors.NewTooManyRequests("a PodDisruptionBudget", 0)
		}
		c.evicted = append(c.evicted, e.Name+" "+string(*e.DeleteOptions.Preconditions.UID))
		return true, nil, c.kube.Tracker().Delete(schema.GroupVersionResource{Version: "v1", Resource: "pods"}, e.Namespace, e.Name)
	})
	c.kube.PrependReactor("delete", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		o := a.(clienttesting.DeleteActionImpl).DeleteOptions
		c.deleted = append(c.deleted, fmt.Sprintf("%s %s grace=%v", a.(clienttesting.DeleteAction).GetName(), *o.Preconditions.UID, o.GracePeriodSeconds))
		return false, nil, nil
	})
	return c
}

func (c *emptied) asked() (evicted, deleted []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string{}, c.evicted...), append([]string{}, c.deleted...)
}

func inBubble(t *testing.T, c func() *emptied, test func(t *testing.T, c *emptied, e *Evictor)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		cluster := c()
		e := NewEvictor(cluster.kube, 50, quiet, func() {}, func(string) {})
		go func() { _ = e.Run(ctx) }()
		test(t, cluster, e)
		stop()
		synctest.Wait()
	})
}

func target(deadline time.Duration) []Target {
	return []Target{{UID: "u1", Node: "n1", Reason: "NodeDown", Deadline: deadline}}
}

func TestEvictor_EvictsByUIDAndListsWhatStays(t *testing.T) {
	inBubble(t, func() *emptied {
		return newEmptied(pod("web", ownedBy("ReplicaSet")), pod("agent", ownedBy("DaemonSet")),
			pod("tough", tolerating(corev1.Toleration{Operator: corev1.TolerationOpExists})))
	}, func(t *testing.T, c *emptied, e *Evictor) {
		e.Keep(target(30 * time.Second))
		time.Sleep(5 * time.Second)
		evicted, deleted := c.asked()
		require.Equal(t, []string{"web uid-web"}, evicted)
		require.Empty(t, deleted)
		require.Equal(t, Progress{Evicted: 1, Staying: []string{"default/tough"}}, e.Progress("u1"))

		_ = c.kube.Tracker().Add(pod("late", nil)) // bound to the node by name
		time.Sleep(11 * time.Second)
		require.Equal(t, 2, e.Progress("u1").Evicted)
	})
}

func TestEvictor_AHeldPodIsDeletedAfterTheDeadlineWithItsOwnGrace(t *testing.T) {
	inBubble(t, func() *emptied { return newEmptied(pod("web", nil)) }, func(t *testing.T, c *emptied, e *Evictor) {
		c.held["web"] = true
		e.Keep(target(30 * time.Second))
		time.Sleep(29 * time.Second)
		evicted, deleted := c.asked()
		require.Empty(t, evicted)
		require.Empty(t, deleted)
		require.Equal(t, 1, e.Progress("u1").Held)
		time.Sleep(3 * time.Second)
		_, deleted = c.asked()
		require.Equal(t, []string{"web uid-web grace=<nil>"}, deleted)
		require.Equal(t, Progress{Evicted: 1}, e.Progress("u1"))
	})
}

func TestEvictor_StopsWhenTheNodeIsReleased(t *testing.T) {
	inBubble(t, func() *emptied { return newEmptied(pod("web", nil)) }, func(t *testing.T, c *emptied, e *Evictor) {
		c.held["web"] = true
		e.Keep(target(30 * time.Second))
		time.Sleep(10 * time.Second)
		e.Keep(nil)
		time.Sleep(time.Minute)
		_, deleted := c.asked()
		require.Empty(t, deleted)
		require.Equal(t, Progress{}, e.Progress("u1"))
	})
}

func TestEvictor_MayBeToldWhileItEvicts(t *testing.T) {
	c := newEmptied(pod("a", nil))
	ctx, stop := context.WithCancel(t.Context())
	e := NewEvictor(c.kube, 50, quiet, func() {}, func(string) {})
	done := make(chan error)
	e.Keep(target(time.Minute))
	go func() { done <- e.Run(ctx) }()
	for evicted := 0; evicted == 0; evicted = e.Progress("u1").Evicted { // for the race detector
		e.Keep(target(time.Minute))
	}
	stop()
	require.NoError(t, <-done)
}

func TestEvictor_KeepsItsPace(t *testing.T) {
	inBubble(t, func() *emptied {
		var pods []*corev1.Pod
		for i := range 110 {
			pods = append(pods, pod(fmt.Sprintf("p%d", i), nil))
		}
		return newEmptied(pods...)
	}, func(t *testing.T, c *emptied, e *Evictor) {
		began := time.Now()
		e.Keep(target(30 * time.Second))
		time.Sleep(5 * time.Second)
		require.Equal(t, 110, e.Progress("u1").Evicted)
		require.InDelta(t, 2.1, c.at[109].Sub(began).Seconds(), 0.2, "110 pods, 50 a second, 5 at once to begin with")
	})
}

func TestIsolator_IsIdempotentAndPatchesTheNodeAsItWasRead(t *testing.T) {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", UID: "u1", ResourceVersion: "7"}}
	kube := fake.NewClientset(n)
	var bodies []string
	kube.PrependReactor("patch", "nodes", func(a clienttesting.Action) (bool, runtime.Object, error) {
		bodies = append(bodies, string(a.(clienttesting.PatchAction).GetPatch()))
		return false, nil, nil
	})
	i := NewIsolator(kube)
	a := decision.Action{Kind: decision.Isolate, Node: "n1", UID: "u1", Rung: v1alpha1.ActionNoExecute, Reason: v1alpha1.ReasonNodeDown, Permit: "1.1"}
	done, err := i.Isolate(t.Context(), n, a)
	require.NoError(t, err)
	require.True(t, done)
	require.Contains(t, bodies[0], `"resourceVersion":"7"`)
	require.Contains(t, bodies[0], `"uid":"u1"`)

	after, err := kube.CoreV1().Nodes().Get(t.Context(), "n1", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, taint.Mark{Rung: v1alpha1.ActionNoExecute, Reason: v1alpha1.ReasonNodeDown, Permit: "1.1"}, taint.Of(after))
	done, err = i.Isolate(t.Context(), after, a)
	require.NoError(t, err)
	require.False(t, done)

	a.Kind = decision.Release
	for _, want := range []bool{true, false} {
		done, err = i.Release(t.Context(), a)
		require.NoError(t, err)
		require.Equal(t, want, done)
	}
	require.Len(t, bodies, 2)

	a.UID = "another"
	_, err = i.Isolate(t.Context(), n, a)
	require.NoError(t, err)
	done, err = i.Release(t.Context(), a)
	require.NoError(t, err)
	require.False(t, done, "a Node of another UID is another node")
}

func TestIsolator_ForgetLeavesATaintThatIsThere(t *testing.T) {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", UID: "u1"}}
	marked, err := taint.Put(n, taint.Mark{Rung: v1alpha1.ActionNoExecute, Reason: "R"}, metav1.Now())
	require.NoError(t, err)
	kube := fake.NewClientset(marked)
	require.NoError(t, NewIsolator(kube).Forget(t.Context(), "n1", "u1"))
	after, err := kube.CoreV1().Nodes().Get(t.Context(), "n1", metav1.GetOptions{})
	require.NoError(t, err)
	require.NotEqual(t, taint.Mark{}, taint.Of(after))
}
