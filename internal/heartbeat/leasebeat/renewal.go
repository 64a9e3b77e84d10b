package leasebeat

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// A renewal updates one lease again and again, each time on top of the answer to the time before.
type renewal struct {
	client rest.Interface
	name   string
	last   *coordinationv1.Lease // the last answer; nil: read first
}

// put changes the lease and writes it. When somebody else has written it since (the controller a new period, or an
// update of our own whose answer was lost), it reads once and tries once more.
func (r *renewal) put(ctx context.Context, change func(*coordinationv1.Lease)) (*coordinationv1.Lease, error) {
	fresh := r.last == nil
	if fresh {
		if err := r.get(ctx); err != nil {
			return nil, err
		}
	}
	err := r.update(ctx, change)
	if apierrors.IsConflict(err) && !fresh {
		if err := r.get(ctx); err != nil {
			return nil, err
		}
		err = r.update(ctx, change)
	}
	if err != nil {
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			r.last = nil
		}
		return nil, err
	}
	return r.last, nil
}

func (r *renewal) get(ctx context.Context) error {
	r.last = nil
	lease := &coordinationv1.Lease{}
	err := r.client.Get().Namespace(v1alpha1.HeartbeatNamespace).Resource(resource).Name(r.name).Do(ctx).Into(lease)
	if err == nil {
		r.last = lease
	}
	return err
}

// update sends the lease with the UID it was read with: the API server would otherwise create a lease that was deleted
// meanwhile, or have us hold that of a new Node of the same name.
func (r *renewal) update(ctx context.Context, change func(*coordinationv1.Lease)) error {
	lease := r.last.DeepCopy()
	lease.ManagedFields = nil // the server keeps its own; not sending them halves the request
	change(lease)
	answer := &coordinationv1.Lease{}
	err := r.client.Put().Namespace(v1alpha1.HeartbeatNamespace).Resource(resource).Name(r.name).Body(lease).Do(ctx).Into(answer)
	if err == nil {
		answer.ManagedFields = nil
		r.last = answer
	}
	return err
}
