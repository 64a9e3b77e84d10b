package leasebeat

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// A Publisher renews one node's Lease.
type Publisher struct {
	renewal renewal
	beats   int64
}

var _ heartbeat.Publisher = (*Publisher)(nil)

// NewPublisher publishes for one node. client comes from NewClient.
func NewPublisher(client rest.Interface, node string) *Publisher {
	return &Publisher{renewal: renewal{client: client, name: node}}
}

// Publish renews the lease and returns the period its annotation asks for.
func (p *Publisher) Publish(ctx context.Context, hb heartbeat.Heartbeat) (time.Duration, error) {
	p.beats++
	lease, err := p.renewal.put(ctx, func(lease *coordinationv1.Lease) { write(lease, hb, p.beats, time.Now()) })
	switch {
	case apierrors.IsNotFound(err):
		return 0, fmt.Errorf("renewing the heartbeat lease of %s: %w", hb.Node, heartbeat.ErrNoLease)
	case err != nil:
		return 0, fmt.Errorf("renewing the heartbeat lease of %s: %w", hb.Node, err)
	}
	return periodOf(lease), nil
}
