package network

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// LinkDoor is host.Network.
type LinkDoor interface {
	DefaultRoute(ctx context.Context, family host.Family) (links []int, found bool, err error)
	LinkOf(ctx context.Context, address netip.Addr) (int, error)
	Link(ctx context.Context, index int) (host.Link, error)
	LinkNamed(ctx context.Context, name string) (host.Link, error)
	Changes(ctx context.Context, concerns func(link int) bool, changed func()) error
}

// A Link is the probe of the check link.
type Link struct {
	door       LinkDoor
	cluster    Cluster
	configured []string
	limits     config.NetworkFlapping

	roles   map[string][]string // the links that do each thing, by name; for the goroutine of Probe alone
	history map[string]history  // of each link; likewise

	watched watched
}

// NewLink makes the probe.
func NewLink(s config.NetworkSubject, door LinkDoor, c Cluster) *Link {
	return &Link{
		door: door, cluster: c, configured: s.Interfaces, limits: s.Flapping,
		roles: map[string][]string{}, history: map[string]history{},
	}
}

// Probe looks at each link that matters.
func (p *Link) Probe(ctx context.Context) ([]check.Finding, error) {
	seen, err := p.gather(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	if len(seen) == 0 {
		return nil, check.ErrNotApplicable
	}
	return judgeLinks(seen, p.limits), nil
}

// Watch is told of changes of these links, and of default routes.
func (p *Link) Watch(ctx context.Context, changed func()) error {
	return p.door.Changes(ctx, p.watched.concerns, changed)
}

func (p *Link) gather(ctx context.Context, now time.Time) ([]seenLink, error) {
	asked := &links{door: p.door}
	if err := p.assign(ctx, asked); err != nil {
		return nil, err
	}
	var all []seenLink
	past, indexes := map[string]history{}, []int{}
	for _, role := range roles {
		for _, name := range p.roles[role] {
			if _, done := past[name]; done {
				continue
			}
			link, err := asked.named(ctx, name)
			if err != nil && !errors.Is(err, host.ErrNoLink) {
				return nil, err
			}
			one := seenLink{name: name, role: role, gone: err != nil, link: link}
			past[name] = p.history[name].after(one, now, p.limits.Window.Duration)
			one.flaps = past[name].changes()
			indexes = append(indexes, link.Index)
			all = append(all, one)
		}
	}
	p.history = past
	p.watched.set(indexes)
	return all, nil
}

// Roles, as messages tell them.
const (
	roleConfigured = "named in the configuration"
	roleIPv4       = "carries the IPv4 default route"
	roleIPv6       = "carries the IPv6 default route"
	roleAddress    = "has the node's address"
)

var roles = []string{roleConfigured, roleIPv4, roleIPv6, roleAddress}

// assign finds the links that matter. A role is given up by a link only when another has it.
func (p *Link) assign(ctx context.Context, asked *links) error {
	if len(p.configured) > 0 {
		p.roles[roleConfigured] = p.configured
		return nil
	}
	for i, role := range []string{roleIPv4, roleIPv6} {
		indexes, _, err := p.door.DefaultRoute(ctx, families[i])
		if err != nil {
			return err
		}
		if err := p.give(ctx, asked, role, indexes); err != nil {
			return err
		}
	}
	address := p.cluster.address()
	if !address.IsValid() || address.IsLoopback() {
		return nil
	}
	link, err := p.door.LinkOf(ctx, address)
	if err != nil || link == 0 {
		return err
	}
	return p.give(ctx, asked, roleAddress, []int{link})
}

func (p *Link) give(ctx context.Context, asked *links, role string, indexes []int) error {
	var names []string
	for _, index := range indexes {
		link, err := asked.indexed(ctx, index)
		if errors.Is(err, host.ErrNoLink) {
			continue // it went this moment
		}
		if err != nil {
			return err
		}
		names = append(names, link.Name)
	}
	if len(names) > 0 {
		p.roles[role] = names
	}
	return nil
}
