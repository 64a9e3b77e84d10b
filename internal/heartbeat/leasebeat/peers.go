package leasebeat

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// maxPeers are taken from an annotation, whatever somebody wrote there: a node must not be made to ask thousands.
const maxPeers = 10

// told is what the controller said on the lease. It is never changed.
type told struct {
	period time.Duration
	peers  []netip.AddrPort
}

var _ heartbeat.Told = (*Publisher)(nil)

// Period is the beat period last asked for.
func (p *Publisher) Period() time.Duration {
	if t := p.told.Load(); t != nil && t.period > 0 {
		return t.period
	}
	return heartbeat.DefaultPeriod
}

// Peers are those last named. They must not be changed.
func (p *Publisher) Peers() []netip.AddrPort {
	if t := p.told.Load(); t != nil {
		return t.peers
	}
	return nil
}

// parsePeers reads the annotation. What is no address is left out.
func parsePeers(annotation string) (peers []netip.AddrPort) {
	for one := range strings.SplitSeq(annotation, ",") {
		peer, err := netip.ParseAddrPort(strings.TrimSpace(one))
		if err == nil && len(peers) < maxPeers {
			peers = append(peers, peer)
		}
	}
	return peers
}

// SetPeers names other nodes' agents to the node's agent, which reads them in the answer to its next beat.
func (k *Keeper) SetPeers(ctx context.Context, node, peers string) error {
	err := k.patch(ctx, node, map[string]any{"annotations": map[string]string{v1alpha1.AnnotationPeers: peers}})
	return about("naming peers to "+node, err)
}
