package census

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// A Changed says that what an isolation rests on is no longer so. The loop branches on it to cancel the intent; any
// other error means that we could not tell, and the intent stays.
type Changed struct{ Why string }

func (c Changed) Error() string { return c.Why }

func changed(format string, args ...any) error { return Changed{fmt.Sprintf(format, args...)} }

// BeatReader reads one node's newest beat from where beats are kept: leasebeat.Keeper.
type BeatReader interface {
	Look(ctx context.Context, node string) (heartbeat.Event, error)
}

// A Rechecker reads again, from the API server itself, what an isolation rests on.
type Rechecker struct {
	census *Census
	beats  BeatReader
}

// NewRechecker compares with what the census saw.
func NewRechecker(c *Census, beats BeatReader) *Rechecker { return &Rechecker{c, beats} }

// Recheck returns the Node to patch, or a Changed. Every read is a consistent one, and the locks are read last:
//
//  1. the evidence and the person's intent
//  2. the Node: still that very one, not departing
//  3. the locks: none covers the node
//
// The patch that follows carries the resourceVersion of step 2. So a lock whose creation returned before step 3 is
// seen, and one whose creation returns after it may find this one patch in flight, and no other.
func (r *Rechecker) Recheck(ctx context.Context, a decision.Action) (*corev1.Node, error) {
	if err := r.evidence(ctx, a); err != nil {
		return nil, err
	}
	node, err := r.node(ctx, a)
	if err != nil {
		return nil, err
	}
	if a.ByHand {
		return node, nil
	}
	return node, r.locks(ctx, node)
}

// evidence compares with Action.Evidence, which decision.Evidence wrote.
func (r *Rechecker) evidence(ctx context.Context, a decision.Action) error {
	health, err := r.census.o.Bulkhead.BulkheadV1alpha1().NodeHealths().Get(ctx, a.Node, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading NodeHealth %s again: %w", a.Node, err)
	}
	said := reportOf(health)
	switch kind, _, _ := strings.Cut(a.Evidence, ":"); {
	case a.ByHand && said.intent != v1alpha1.IntentIsolate:
		return changed("spec.intent is %s now", said.intent)
	case a.ByHand:
		return nil
	case said.intent == v1alpha1.IntentProtect:
		return changed("spec.intent is Protect now")
	case kind == "check":
		return stillFailing(said.agent, a.Evidence)
	case kind == "silent":
		return r.stillSilent(ctx, a)
	default:
		return fmt.Errorf("evidence %q is of no kind this version knows", a.Evidence)
	}
}

// stillFailing: the check of the evidence fails on the same boot, unexplained. The evidence is not taken apart: what an
// agent says of its boot may look like anything.
func stillFailing(r decision.Report, evidence string) error {
	if !strings.HasPrefix(evidence, decision.EvidenceOfFailure(r.BootID, "")) {
		return changed("the node has rebooted")
	}
	for _, c := range r.Checks {
		if decision.EvidenceOfFailure(r.BootID, c.Name) == evidence && c.IsFault() {
			return nil
		}
	}
	return changed("check %s is no longer failing by itself", strings.TrimPrefix(evidence, decision.EvidenceOfFailure(r.BootID, "")))
}

// stillSilent: no beat since it was decided, and for a dead node no renewal by its kubelet either. Both are compared with
// what was decided on and not with what the census knows by now: a watch may have brought the renewal meanwhile.
func (r *Rechecker) stillSilent(ctx context.Context, a decision.Action) error {
	beat, err := r.beats.Look(ctx, a.Node)
	if err != nil {
		return fmt.Errorf("reading the newest beat of %s again: %w", a.Node, err)
	}
	silence := decision.EvidenceOfSilence(beat.Mark)
	switch {
	case a.Reason != v1alpha1.ReasonNodeDown && silence == a.Evidence:
		return nil
	case a.Reason != v1alpha1.ReasonNodeDown || !strings.HasPrefix(a.Evidence, silence):
		return changed("the node was heard")
	}
	lease, err := r.census.o.Kube.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, a.Node, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the kubelet's Lease of %s again: %w", a.Node, err)
	}
	if decision.EvidenceOfDeath(beat.Mark, kubeletMark(lease)) != a.Evidence {
		return changed("its kubelet renewed its Lease")
	}
	return nil
}

func (r *Rechecker) node(ctx context.Context, a decision.Action) (*corev1.Node, error) {
	node, err := r.census.o.Kube.CoreV1().Nodes().Get(ctx, a.Node, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading Node %s again: %w", a.Node, err)
	}
	if string(node.UID) != a.UID {
		return nil, changed("the Node was replaced by another of its name")
	}
	if a.ByHand {
		return node, nil
	}
	if why := Departing(node); why != "" {
		return nil, changed("%s", why)
	}
	if node.Spec.Unschedulable {
		if why := r.census.drained.count(ctx, node.Name); why != "" {
			return nil, changed("%s", why)
		}
	}
	return node, nil
}

func (r *Rechecker) locks(ctx context.Context, node *corev1.Node) error {
	list, err := r.census.o.Bulkhead.BulkheadV1alpha1().ProtectionLocks().List(ctx, metav1.ListOptions{}) // no resourceVersion: a consistent read
	if err != nil {
		return fmt.Errorf("reading ProtectionLocks again: %w", err)
	}
	objects := make([]*v1alpha1.ProtectionLock, len(list.Items))
	for i := range list.Items {
		objects[i] = &list.Items[i]
	}
	now := time.Now()
	r.census.mu.Lock()
	held := covering(r.census.readLocks(objects, now), node)
	r.census.mu.Unlock()
	if held != nil {
		return changed("ProtectionLock %s of %s was created: %s", held.Name, held.Owner, held.Reason)
	}
	return nil
}
