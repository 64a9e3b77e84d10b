package leasebeat

import (
	"strconv"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// AnnotationBeat on a heartbeat Lease counts the beats of its holder. Only this package reads it.
const AnnotationBeat = v1alpha1.GroupName + "/beat"

const resource = "leases"

// NewClient builds the REST client the constructors here ask for, on a scheme that knows Leases alone.
// c is usually a *kubeclient.Client.
func NewClient(c interface {
	REST(schema.GroupVersion, *runtime.Scheme) (rest.Interface, error)
}) (rest.Interface, error) {
	scheme := runtime.NewScheme()
	if err := coordinationv1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return c.REST(coordinationv1.SchemeGroupVersion, scheme)
}

// write puts a beat into a lease. The counter makes every beat a new mark, even if the clock stands still.
func write(lease *coordinationv1.Lease, hb heartbeat.Heartbeat, beat int64, now time.Time) {
	stamp := metav1.NewMicroTime(now)
	spec := &lease.Spec
	if spec.HolderIdentity == nil || *spec.HolderIdentity != hb.Holder {
		if spec.HolderIdentity != nil && *spec.HolderIdentity != "" {
			spec.LeaseTransitions = new(valueOf(spec.LeaseTransitions) + 1)
		}
		spec.HolderIdentity, spec.AcquireTime = &hb.Holder, &stamp
	}
	spec.RenewTime = &stamp
	spec.LeaseDurationSeconds = new(int32((3*hb.Next + time.Second - 1) / time.Second)) // rounded up: the API wants at least 1
	if lease.Annotations == nil {
		lease.Annotations = map[string]string{}
	}
	a := lease.Annotations
	a[AnnotationBeat] = strconv.FormatInt(beat, 10)
	a[v1alpha1.AnnotationNextBeat] = hb.Next.String()
	a[v1alpha1.AnnotationBootID] = hb.BootID
	a[v1alpha1.AnnotationSequence] = strconv.FormatInt(hb.Sequence, 10)
	a[v1alpha1.AnnotationPhase] = string(hb.Phase)
	a[v1alpha1.AnnotationAgentAddress] = hb.Address
}

// read is the event a lease stands for. What cannot be parsed is left at zero: an agent of another version is heard
// all the same.
func read(lease *coordinationv1.Lease) heartbeat.Event {
	a := lease.Annotations
	sequence, _ := strconv.ParseInt(a[v1alpha1.AnnotationSequence], 10, 64)
	next, _ := time.ParseDuration(a[v1alpha1.AnnotationNextBeat])
	return heartbeat.Event{
		Node:    lease.Name,
		Mark:    markOf(lease),
		NodeUID: string(nodeUID(lease)),
		Period:  periodOf(lease),
		Peers:   lease.Annotations[v1alpha1.AnnotationPeers],
		Beat: heartbeat.Heartbeat{
			Node:     lease.Name,
			Holder:   valueOf(lease.Spec.HolderIdentity),
			BootID:   a[v1alpha1.AnnotationBootID],
			Sequence: sequence,
			Phase:    v1alpha1.AgentPhase(a[v1alpha1.AnnotationPhase]),
			Next:     next,
			Address:  a[v1alpha1.AnnotationAgentAddress],
		},
	}
}

func markOf(lease *coordinationv1.Lease) string {
	if lease.Spec.RenewTime == nil {
		return ""
	}
	// The time is here for agents that do not count; ours would do without.
	return valueOf(lease.Spec.HolderIdentity) + "#" + lease.Annotations[AnnotationBeat] + "@" + lease.Spec.RenewTime.UTC().Format(metav1.RFC3339Micro)
}

func beatOf(lease *coordinationv1.Lease) int64 {
	beat, _ := strconv.ParseInt(lease.Annotations[AnnotationBeat], 10, 64) // 0 is never sent
	return beat
}

// periodOf is the period the controller asks for, between 100 ms and 60 s, 0 if it has not asked: a typing error in an
// annotation must neither flood the API server nor silence the node.
func periodOf(lease *coordinationv1.Lease) time.Duration {
	period, err := time.ParseDuration(lease.Annotations[v1alpha1.AnnotationBeatPeriod])
	if err != nil {
		return 0
	}
	return min(max(period, 100*time.Millisecond), time.Minute)
}

func valueOf[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
