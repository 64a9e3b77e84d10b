package network

import (
	"net/netip"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// A Cluster is what the rest of the agent knows already, so that looking costs no request. Any of its functions may be
// nil: then nobody knows, as with --once.
type Cluster struct {
	// Address of ours towards the API server, invalid while unknown.
	Address func() netip.Addr
	// LastAnswer is when the API server last answered anything, zero if never.
	LastAnswer func() time.Time
	// Period is how often it is asked: the beat's.
	Period func() time.Duration
	// Servers are all known addresses of the API server, host:port.
	Servers func() []string
	// Peers are agents of other nodes, as the controller named them.
	Peers func() []netip.AddrPort
}

func (c Cluster) address() netip.Addr {
	if c.Address == nil {
		return netip.Addr{}
	}
	return c.Address()
}

func (c Cluster) peers() []netip.AddrPort {
	if c.Peers == nil {
		return nil
	}
	return c.Peers()
}

// family of our address, 0 while unknown.
func (c Cluster) family() host.Family {
	if a := c.address(); a.IsValid() && !a.IsLoopback() {
		return host.FamilyOf(a)
	}
	return 0
}
