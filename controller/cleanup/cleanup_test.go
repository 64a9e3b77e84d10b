package cleanup_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	bulkheadfake "github.com/bulkhead-dev/bulkhead/api/client/fake"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/cleanup"
	"github.com/bulkhead-dev/bulkhead/controller/node/taint"
)

var (
	foreign = corev1.Taint{Key: "example.com/dedicated", Value: "gpu", Effect: corev1.TaintEffectNoExecute}
	persons = corev1.Taint{Key: v1alpha1.TaintIsolated, Value: "mine", Effect: corev1.TaintEffectNoSchedule}
)

type cluster struct {
	kube     *kubefake.Clientset
	bulkhead *bulkheadfake.Clientset
	said     bytes.Buffer
}

func newCluster(objects ...runtime.Object) *cluster {
	c := &cluster{kube: kubefake.NewClientset(objects...)}
	c.bulkhead = bulkheadfake.NewSimpleClientset(
		&v1alpha1.IsolationLedger{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.LedgerName}},
	)
	// The fakes know no DeleteCollection; that it was asked for is what we look at.
	done := func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, nil }
	c.kube.PrependReactor("delete-collection", "*", done)
	c.bulkhead.PrependReactor("delete-collection", "*", done)
	return c
}

func (c *cluster) cleanUp(ctx context.Context) error {
	o := cleanup.DefaultOptions()
	o.Log = slog.New(slog.NewTextHandler(&c.said, nil))
	return cleanup.Run(ctx, c.kube, c.bulkhead, o)
}

func (c *cluster) node(t *testing.T, name string) *corev1.Node {
	t.Helper()
	node, err := c.kube.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	return node
}

func (c *cluster) asked(verb, resource string) bool {
	for _, action := range append(c.kube.Actions(), c.bulkhead.Actions()...) {
		if action.Matches(verb, resource) {
			return true
		}
	}
	return false
}

func isolated(t *testing.T, name string, others ...corev1.Taint) *corev1.Node {
	t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{Taints: others, Unschedulable: true}}
	marked, err := taint.Put(node, taint.Mark{Rung: v1alpha1.ActionNoExecute, Reason: v1alpha1.ReasonNodeDown, Permit: "1.1"}, metav1.Now())
	require.NoError(t, err)
	return marked
}

func deployment() *appsv1.Deployment {
	replicas := int32(2)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: v1alpha1.SystemNamespace, Name: "bulkhead-controller"},
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas},
	}
}

func controllerPod() *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: v1alpha1.SystemNamespace, Name: "bulkhead-controller-0",
		Labels: map[string]string{"app.kubernetes.io/name": "bulkhead", "app.kubernetes.io/component": "controller"},
	}, Spec: corev1.PodSpec{NodeName: "n1"}}
}

func TestRun_LeavesNothingOfOursAndEverythingOfOthers(t *testing.T) {
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: v1alpha1.SystemNamespace, Name: "bulkhead-controller"}}
	c := newCluster(deployment(), lease, isolated(t, "n1", foreign), isolated(t, "n2"),
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n3"}, Spec: corev1.NodeSpec{Taints: []corev1.Taint{persons}}})
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, c.cleanUp(t.Context()))
	})

	require.Equal(t, []corev1.Taint{foreign}, c.node(t, "n1").Spec.Taints)
	require.True(t, c.node(t, "n1").Spec.Unschedulable, "a cordon is a person's")
	require.Empty(t, c.node(t, "n2").Spec.Taints)
	for _, name := range []string{"n1", "n2"} {
		require.NotContains(t, c.node(t, name).Annotations, v1alpha1.AnnotationOwnedTaint)
		require.NotContains(t, c.node(t, name).Annotations, v1alpha1.AnnotationPermit)
	}
	require.Equal(t, []corev1.Taint{persons}, c.node(t, "n3").Spec.Taints)
	require.Contains(t, c.said.String(), "this taint is not ours and stays")

	stopped, err := c.kube.AppsV1().Deployments(v1alpha1.SystemNamespace).Get(t.Context(), "bulkhead-controller", metav1.GetOptions{})
	require.NoError(t, err)
	require.Zero(t, *stopped.Spec.Replicas)
	_, err = c.kube.CoordinationV1().Leases(v1alpha1.SystemNamespace).Get(t.Context(), "bulkhead-controller", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err))
	_, err = c.bulkhead.BulkheadV1alpha1().IsolationLedgers().Get(t.Context(), v1alpha1.LedgerName, metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err))
	_, err = c.bulkhead.BulkheadV1alpha1().ProtectionLocks().Get(t.Context(), cleanup.LockName, metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "the lock goes when no controller is left")
	require.True(t, c.asked("delete-collection", "nodehealths"))
	require.True(t, c.asked("delete-collection", "leases"))
}

func TestRun_TouchesNoNodeWhileAControllerMayStillAct(t *testing.T) {
	c := newCluster(deployment(), controllerPod(), isolated(t, "n1"))
	touched := func() bool { return c.asked("patch", "nodes") }
	synctest.Test(t, func(t *testing.T) {
		go func() {
			time.Sleep(20 * time.Second)
			assert.False(t, touched(), "the controller's pod is still there")
			assert.True(t, c.asked("create", "protectionlocks"), "the lock comes first")
			assert.NoError(t, c.kube.CoreV1().Pods(v1alpha1.SystemNamespace).Delete(t.Context(), "bulkhead-controller-0", metav1.DeleteOptions{}))
		}()
		began := time.Now()
		require.NoError(t, c.cleanUp(t.Context()))
		require.Less(t, time.Since(began), 30*time.Second)
	})
	require.True(t, touched())
}

func TestRun_GoesOnWithoutAPodThatCannotEndAndKeepsTheLock(t *testing.T) {
	c := newCluster(deployment(), controllerPod(), isolated(t, "n1"))
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, c.cleanUp(t.Context()))
	})
	require.Empty(t, c.node(t, "n1").Spec.Taints)
	_, err := c.bulkhead.BulkheadV1alpha1().ProtectionLocks().Get(t.Context(), cleanup.LockName, metav1.GetOptions{})
	require.NoError(t, err, "a controller that cannot be seen to have ended is held by the lock")
	require.Contains(t, c.said.String(), "pod=bulkhead-controller-0 node=n1")
}

func TestRun_TriesANodeAgainThatWasWrittenMeanwhile(t *testing.T) {
	c := newCluster(deployment(), isolated(t, "n1"))
	conflicts := 7 // more than one attempt makes
	c.kube.PrependReactor("patch", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
		conflicts--
		if conflicts < 0 {
			return false, nil, nil
		}
		return true, nil, apierrors.NewConflict(schema.GroupResource{Resource: "nodes"}, "n1", nil)
	})
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, c.cleanUp(t.Context()))
	})
	require.Empty(t, c.node(t, "n1").Spec.Taints)
}

func TestRun_MayBeRepeatedAndNeedsNoCRD(t *testing.T) {
	c := newCluster()
	for _, verb := range []string{"create", "delete", "delete-collection"} {
		c.bulkhead.PrependReactor(verb, "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewNotFound(action.GetResource().GroupResource(), "")
		})
	}
	for range 2 {
		require.NoError(t, c.cleanUp(t.Context()))
	}
}

func TestRun_SaysWhatItMayNotDo(t *testing.T) {
	c := newCluster(isolated(t, "n1"))
	c.kube.PrependReactor("patch", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "nodes"}, "n1", nil)
	})
	require.ErrorContains(t, c.cleanUp(t.Context()), "releasing n1")
}
