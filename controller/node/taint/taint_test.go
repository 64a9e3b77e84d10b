package taint_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/taint"
)

var (
	foreign  = corev1.Taint{Key: "example.com/dedicated", Value: "gpu", Effect: corev1.TaintEffectNoSchedule}
	cordon   = corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}
	persons  = corev1.Taint{Key: v1alpha1.TaintIsolated, Value: "mine", Effect: corev1.TaintEffectNoSchedule}
	down     = taint.Mark{Rung: v1alpha1.ActionNoExecute, Reason: v1alpha1.ReasonNodeDown, Permit: "1.1"}
	pressure = taint.Mark{Rung: v1alpha1.ActionNoSchedule, Reason: "DiskPressure"}
	now      = metav1.NewTime(time.Unix(1000, 0))
)

func node(taints ...corev1.Taint) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n", Annotations: map[string]string{"theirs": "stays"}},
		Spec:       corev1.NodeSpec{Taints: taints, Unschedulable: true},
	}
}

func TestPut_LeavesTheTaintsOfOthersAlone(t *testing.T) {
	before := node(foreign, cordon, persons)
	after, err := taint.Put(before, down, now)
	require.NoError(t, err)
	require.Equal(t, []corev1.Taint{foreign, cordon, persons}, after.Spec.Taints[:3])
	require.Equal(t, down, taint.Of(after))
	require.Equal(t, taint.Mark{}, taint.Of(before), "the argument stays as it was")

	released := taint.Remove(after)
	require.Equal(t, before.Spec, released.Spec)
	require.Equal(t, before.Annotations, released.Annotations)
}

func TestPut_ReplacesOnlyOurOwnOnAChangeOfRung(t *testing.T) {
	mild, err := taint.Put(node(foreign), pressure, now)
	require.NoError(t, err)
	require.Equal(t, pressure, taint.Of(mild))
	hard, err := taint.Put(mild, down, now)
	require.NoError(t, err)
	require.Equal(t, down, taint.Of(hard))
	require.Len(t, hard.Spec.Taints, 2)
}

func TestPut_RefusesWhereAPersonsTaintStands(t *testing.T) {
	_, err := taint.Put(node(persons), pressure, now)
	require.ErrorContains(t, err, "somebody else's taint")
}

func TestOf_TakesNoTaintForOursWithoutTheRecord(t *testing.T) {
	n := node(persons)
	require.Equal(t, taint.Mark{}, taint.Of(n))
	require.Equal(t, n.Spec.Taints, taint.Remove(n).Spec.Taints)
	n.Annotations[v1alpha1.AnnotationOwnedTaint] = "NoSchedule=other"
	require.Equal(t, taint.Mark{}, taint.Of(n), "the value differs: somebody replaced ours")
	require.True(t, taint.Stale(n))
	require.Equal(t, n.Spec.Taints, taint.Remove(n).Spec.Taints)
}
