package network

import (
	"context"
	"fmt"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// RouteDoor is host.Network.
type RouteDoor interface {
	DefaultRoute(ctx context.Context, family host.Family) (links []int, found bool, err error)
	Changes(ctx context.Context, concerns func(link int) bool, changed func()) error
}

// A Route is the probe of the check route.
type Route struct {
	door    RouteDoor
	cluster Cluster
	had     map[host.Family]bool // default routes seen once
	watched watched
}

// NewRoute makes the probe.
func NewRoute(door RouteDoor, c Cluster) *Route {
	return &Route{door: door, cluster: c, had: map[host.Family]bool{}}
}

// Probe asks the kernel for the way to anywhere.
func (p *Route) Probe(ctx context.Context) ([]check.Finding, error) {
	has, links := map[host.Family]bool{}, []int{}
	for _, family := range families {
		through, found, err := p.door.DefaultRoute(ctx, family)
		if err != nil {
			return nil, err
		}
		has[family] = found
		p.had[family] = p.had[family] || found
		links = append(links, through...)
	}
	if len(links) > 0 { // without a default route, that of the last one is what matters
		p.watched.set(links)
	}
	return judgeRoutes(p.had, has, p.cluster.family())
}

// Watch is told of changes of default routes and of their links: routes that go down with a link are not announced.
func (p *Route) Watch(ctx context.Context, changed func()) error {
	return p.door.Changes(ctx, p.watched.concerns, changed)
}

var families = []host.Family{host.IPv4, host.IPv6}

// judgeRoutes compares the default routes there are with those there were. ours is the family of the node's address; one
// that is unknown is the first that had a route.
func judgeRoutes(had, has map[host.Family]bool, ours host.Family) ([]check.Finding, error) {
	if !had[host.IPv4] && !had[host.IPv6] {
		return nil, check.ErrNotApplicable
	}
	if !had[ours] {
		ours = host.IPv4
		if !had[ours] {
			ours = host.IPv6
		}
	}
	var findings []check.Finding
	for _, family := range families {
		if had[family] && !has[family] {
			findings = append(findings, check.Finding{
				Reason:  v1alpha1.ReasonNoDefaultRoute,
				Message: fmt.Sprintf("there is no %s default route any more", family),
				Note:    family != ours,
			})
		}
	}
	return findings, nil
}
