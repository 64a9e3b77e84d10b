package leasebeat

import (
	"context"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// abandonedAfter is how long a pulse must stand still, by our clock, before we take its Lease for a dead process's.
const abandonedAfter = 10 * time.Minute

// others are the pulses of other controllers. A process that ends deletes its own; one that crashes cannot, and in a
// Deployment every new pod has a new name, so somebody must clean up.
type others struct {
	client rest.Interface

	mu   sync.Mutex // guards seen
	seen map[string]foreign
}

type foreign struct {
	mark    string
	version string
	since   time.Time // when the mark last changed, by our clock
}

func (o *others) note(lease *coordinationv1.Lease, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	mark := markOf(lease)
	if old, known := o.seen[lease.Name]; known && old.mark == mark {
		now = old.since
	}
	o.seen[lease.Name] = foreign{mark, lease.ResourceVersion, now}
}

// sweep deletes abandoned pulses, each only if it is still as we saw it. It takes no longer than a renewal may: our own
// pulse waits for it.
func (o *others) sweep(ctx context.Context, now time.Time, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for name, version := range o.abandoned(now) {
		options := &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &version}}
		_ = o.client.Delete().Namespace(v1alpha1.HeartbeatNamespace).Resource(resource).Name(name).Body(options).Do(ctx).Error()
	}
}

// abandoned forgets what it returns: whatever becomes of the deletion, a pulse that is seen again starts anew.
func (o *others) abandoned(now time.Time) map[string]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	found := map[string]string{}
	for name, pulse := range o.seen {
		if now.Sub(pulse.since) > abandonedAfter {
			found[name] = pulse.version
			delete(o.seen, name)
		}
	}
	return found
}
