package observe

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

var ours = corev1.Taint{Key: v1alpha1.TaintIsolated, Effect: corev1.TaintEffectNoExecute}

// setTaints is what a watch brings.
func setTaints(v *View, taints ...corev1.Taint) {
	v.change(func(s *State) {
		s.Nodes["n1"] = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}, Spec: corev1.NodeSpec{Taints: taints}}
	})
}

func TestView_UntilTellsWhenAConditionFirstHeld(t *testing.T) {
	view := newView()
	setTaints(view)
	w := view.wait(Tainted("n1"), func(err error) bool { return err == nil })
	before := time.Now()
	setTaints(view, ours)
	after := time.Now()
	setTaints(view) // gone again before anybody could look
	<-w.over
	require.NoError(t, w.last)
	require.False(t, w.at.Before(before) || w.at.After(after))
}

func TestView_UntilSaysWhatIsStillMissing(t *testing.T) {
	view := newView()
	setTaints(view)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := view.Until(ctx, "the taint", Tainted("n1"))
	require.ErrorContains(t, err, "waiting for the taint: n1 has no NoExecute taint of ours")
	require.ErrorContains(t, err, "n1: ready=no", "and shows the state")
}

// A taint that was there for an instant only is what a test must not miss.
func TestView_AlwaysNoticesWhatWasThereForAnInstant(t *testing.T) {
	view := newView()
	setTaints(view)
	w := view.wait(Untainted("n1"), func(err error) bool { return err != nil })
	setTaints(view, ours)
	setTaints(view)
	<-w.over
	require.ErrorContains(t, w.last, "n1 has our taint")
}

func TestView_AlwaysHoldsForItsTime(t *testing.T) {
	view := newView()
	setTaints(view)
	require.NoError(t, view.Always(t.Context(), time.Millisecond, Untainted("n1")))
	broken := errors.New("broken")
	require.ErrorIs(t, view.Always(t.Context(), time.Minute, func(State) error { return broken }), broken)
	require.Empty(t, view.waiting, "nobody is left waiting")
}
