package leasebeat

import (
	"context"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// Look reads a node's newest beat from the API server itself: what a watch brought may be older, and before an
// isolation only this counts.
func (k *Keeper) Look(ctx context.Context, node string) (heartbeat.Event, error) {
	lease := &coordinationv1.Lease{}
	if err := k.request("GET", node).Do(ctx).Into(lease); err != nil {
		return heartbeat.Event{}, fmt.Errorf("reading the heartbeat lease of %s: %w", node, err)
	}
	return read(lease), nil
}
