package leasebeat

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// A Publisher renews one node's Lease.
type Publisher struct {
	renewal renewal
	beats   int64
	named   string // the annotation that told.peers were read from
	told    atomic.Pointer[told]
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
	return p.hear(lease), nil
}

// hear keeps what the controller says on the lease. Nothing is made anew while nothing changes.
func (p *Publisher) hear(lease *coordinationv1.Lease) time.Duration {
	period, named := periodOf(lease), lease.Annotations[v1alpha1.AnnotationPeers]
	if now := p.told.Load(); now == nil || now.period != period || p.named != named {
		p.named = named
		p.told.Store(&told{period: period, peers: parsePeers(named)})
	}
	return period
}
