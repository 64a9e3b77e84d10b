package publish

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/controller/node/census"
)

const (
	// peersPerNode are named: two may leave before fewer than three, which is what a verdict takes, are left.
	peersPerNode = 5
	// peersEvery is how often they are looked over: nobody waits for them, and of 15 000 nodes that is some work.
	peersEvery = 10 * time.Second
	// peersAtOnce bounds the writes of one time. A lease is otherwise written only when a peer left, or when the cluster
	// was smaller than this and grew; the first of 5 000 nodes have theirs at once and the last after 17 min.
	peersAtOnce = 50
)

// namePeers tells each node's agent a few others that it may ask whether its network works: an agent lists nothing.
func (m *Maker) namePeers(ctx context.Context, nodes []census.Wanted, now time.Time) error {
	if now.Sub(m.namedAt) < peersEvery {
		return nil
	}
	m.namedAt = now
	agents := agentsOf(nodes)
	written := 0
	var first error
	for _, n := range nodes {
		if written == peersAtOnce || ctx.Err() != nil {
			break
		}
		if n.LeaseUID != string(n.Node.UID) {
			continue
		}
		want := choosePeers(n.Agent, n.Peers, agents)
		if want == n.Peers {
			continue
		}
		written++
		err := m.once(ctx, "peers/"+string(n.Node.UID), func(ctx context.Context) error { return m.leases.SetPeers(ctx, n.Node.Name, want) })
		if first == nil {
			first = err
		}
	}
	return first
}

// agentsOf are the addresses that a peer can be asked at, sorted.
func agentsOf(nodes []census.Wanted) (agents []string) {
	for _, n := range nodes {
		if _, err := netip.ParseAddrPort(n.Agent); err == nil {
			agents = append(agents, n.Agent)
		}
	}
	slices.Sort(agents)
	return slices.Compact(agents)
}

// choosePeers keeps those named that are still there and fills up with others at random, so that leases are rarely
// written. Where nobody else is left it changes nothing: that is no reason to forget.
func choosePeers(own, named string, agents []string) string {
	var peers []string
	for one := range strings.SplitSeq(named, ",") {
		if _, there := slices.BinarySearch(agents, one); there && one != own && len(peers) < peersPerNode {
			peers = append(peers, one)
		}
	}
	others := len(agents)
	if _, among := slices.BinarySearch(agents, own); among {
		others--
	}
	if others == 0 {
		return named
	}
	for len(peers) < min(peersPerNode, others) {
		one := agents[rand.IntN(len(agents))]
		if one != own && !slices.Contains(peers, one) {
			peers = append(peers, one)
		}
	}
	return strings.Join(peers, ",")
}
