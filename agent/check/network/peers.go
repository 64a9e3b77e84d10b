package network

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// mostPeers are asked in one look: with more, one look would cost more than all other checks.
const mostPeers = 5

// Peers is the probe of the check peers.
type Peers struct {
	door       ReachDoor
	cluster    Cluster
	configured []netip.AddrPort
	slowAfter  time.Duration
	known      map[netip.AddrPort]bool // those that answered once; a firewall between nodes is no fault
}

// NewPeers makes the probe.
func NewPeers(s config.NetworkSubject, door ReachDoor, c Cluster) *Peers {
	p := &Peers{door: door, cluster: c, slowAfter: s.Peers.SlowAfter.Duration, known: map[netip.AddrPort]bool{}}
	for _, address := range s.Peers.Addresses {
		if parsed, err := netip.ParseAddrPort(address); err == nil { // validated
			p.configured = append(p.configured, parsed)
		}
	}
	return p
}

// A peer is what one look at another node's agent brought.
type peer struct {
	address   netip.AddrPort
	known     bool // it answered this agent before
	connected time.Duration
	err       error
}

// isAnswer: it spoke to us, or its kernel refused to.
func (p peer) isAnswer() bool { return p.err == nil || errors.Is(p.err, host.ErrRefused) }

// isLost: nothing came back at all.
func (p peer) isLost() bool {
	return p.connected == 0 && (errors.Is(p.err, host.ErrSilent) || errors.Is(p.err, host.ErrNoWay))
}

// Probe asks a few peers at once.
func (p *Peers) Probe(ctx context.Context) ([]check.Finding, error) {
	addresses := p.choose()
	if len(addresses) == 0 {
		return nil, check.ErrNotApplicable
	}
	all := p.gather(ctx, addresses)
	findings, err := judgePeers(all, p.slowAfter)
	for _, one := range all {
		if one.isAnswer() {
			p.known[one.address] = true
		}
	}
	return findings, err
}

// choose is the peers of this look: those named to us without ourselves, and of many a few at random, each time others.
func (p *Peers) choose() []netip.AddrPort {
	all := slices.Clone(p.configured)
	if len(all) == 0 {
		all = slices.Clone(p.cluster.peers())
	}
	ours := p.cluster.address()
	all = slices.DeleteFunc(all, func(a netip.AddrPort) bool { return a.Addr().Unmap() == ours })
	for address := range p.known {
		if !slices.Contains(all, address) {
			delete(p.known, address)
		}
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(len(all), mostPeers)]
}

func (p *Peers) gather(ctx context.Context, addresses []netip.AddrPort) []peer {
	asked, cancel := check.Within(ctx, 85)
	defer cancel()
	all := make([]peer, len(addresses))
	var group sync.WaitGroup
	for i, address := range addresses {
		known := p.known[address]
		group.Go(func() {
			echo, err := p.door.Ask(ctx, asked, address.String(), "/healthz")
			all[i] = peer{address, known, echo.Connected, err}
		})
	}
	group.Wait()
	slices.SortFunc(all, func(a, b peer) int { return a.address.Compare(b.address) }) // so that messages are alike
	return all
}
