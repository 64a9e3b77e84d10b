package census

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// lock is one ProtectionLock, ready to be matched.
type lock struct {
	person protect.PersonLock
	covers func(*corev1.Node) bool
}

// readLocks makes the locks that hold at now ready. The one that holds longest comes first. Needs mu, for the ends.
func (c *Census) readLocks(objects []*v1alpha1.ProtectionLock, now time.Time) []lock {
	var out []lock
	server, _ := c.o.Clock.ServerNow(now)
	for _, o := range objects {
		if o.DeletionTimestamp != nil {
			continue
		}
		l := lock{person: protect.PersonLock{Name: o.Name, Owner: o.Spec.Owner, Reason: o.Spec.Reason}, covers: coverage(o.Spec)}
		if o.Spec.Until != nil {
			length := max(o.Spec.Until.Sub(o.CreationTimestamp.Time), 0)
			l.person.Ends = c.ends.Local(string(o.UID), o.Spec.Until.Time, length, server, now)
			if !now.Before(l.person.Ends) {
				continue
			}
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b lock) int {
		return cmp.Or(byEnd(a.person.Ends, b.person.Ends), strings.Compare(a.person.Name, b.person.Name))
	})
	return out
}

// byEnd orders the later end first; a lock without an end is the latest.
func byEnd(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return -1
	case b.IsZero():
		return 1
	}
	return b.Compare(a)
}

// coverage says which nodes a lock covers. What cannot be understood covers every node: a typing error must not open
// what somebody meant to lock.
func coverage(s v1alpha1.ProtectionLockSpec) func(*corev1.Node) bool {
	everything := func(*corev1.Node) bool { return true }
	switch s.Scope {
	case v1alpha1.LockNode:
		return func(n *corev1.Node) bool { return n.Name == s.NodeName }
	case v1alpha1.LockSelector:
		selector, err := metav1.LabelSelectorAsSelector(s.NodeSelector)
		if err != nil || selector.Empty() || s.NodeSelector == nil {
			return everything
		}
		return func(n *corev1.Node) bool { return selector.Matches(labels.Set(n.Labels)) }
	default:
		return everything
	}
}

// covering returns the lock that covers a node and holds longest, nil if none does.
func covering(locks []lock, n *corev1.Node) *protect.PersonLock {
	for _, l := range locks {
		if l.covers(n) {
			return &l.person
		}
	}
	return nil
}

func (c *Census) lockChanged(_, _ *v1alpha1.ProtectionLock) { c.signal() }
