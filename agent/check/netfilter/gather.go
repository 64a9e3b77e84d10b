package netfilter

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// askMode bounds the question to kube-proxy, which listens on the node's loopback.
const askMode = 200 * time.Millisecond

// gather looks at every place. What costs more is looked at only where something is not as it should be.
func (p *Probe) gather(ctx context.Context) (observation, error) {
	o := observation{keepers: map[string]keeper{}}
	rulesets, err := p.open(ctx)
	if err != nil {
		return o, err
	}
	defer rulesets.close()
	for _, layout := range p.layouts {
		for _, backend := range rulesets {
			if layout.mode == "nftables" && backend.name == legacy {
				continue
			}
			s, err := sight(ctx, place{layout: layout, backend: backend.name, family: backend.family}, backend.ruleset)
			if err != nil {
				return o, err
			}
			o.sightings = append(o.sightings, s)
		}
	}
	if err := p.gatherDestinations(ctx, &o, rulesets); err != nil {
		return o, err
	}
	o.sightings = append(o.sightings, p.unopened(o)...)
	p.gatherKeepers(ctx, &o)
	return o, nil
}

// sight looks at the anchors of one place.
func sight(ctx context.Context, at place, in ruleset) (sighting, error) {
	s := sighting{place: at, held: make([]bool, len(at.layout.anchors))}
	for i, a := range at.layout.anchors {
		var err error
		if s.held[i], err = holds(ctx, in, a); err != nil {
			return s, err
		}
	}
	if s.holdsAny() {
		return s, nil
	}
	var err error
	s.signed, err = in.hasChain(ctx, at.layout.sign.table, at.layout.sign.chain)
	return s, err
}

// gatherDestinations asks first about the service kubernetes everywhere, and looks further where it led somewhere before
// or, if it leads nowhere at all, everywhere.
func (p *Probe) gatherDestinations(ctx context.Context, o *observation, all backends) error {
	found := false
	for i := range o.sightings {
		s := &o.sightings[i]
		if s.layout.services == nil || !s.exists() {
			continue
		}
		leads, err := kubernetesLeads(ctx, all.at(s.place), s.layout.services)
		if err != nil {
			return err
		}
		s.destinations = destinations{kubernetes: leads, any: leads}
		found = found || leads
	}
	for i := range o.sightings {
		s := &o.sightings[i]
		isAsked := s.layout.services != nil && s.exists() && !s.destinations.kubernetes
		if !isAsked || (found && !p.memory.places[s.place].kubernetes) {
			continue
		}
		var err error
		if s.destinations, err = lookFurther(ctx, all.at(s.place), s.layout.services); err != nil {
			return err
		}
	}
	return nil
}

// unopened are places seen before whose tables are all gone.
func (p *Probe) unopened(o observation) []sighting {
	var gone []sighting
	for at := range p.memory.places {
		if !slices.ContainsFunc(o.sightings, func(s sighting) bool { return s.place == at }) {
			gone = append(gone, sighting{place: at, held: make([]bool, len(at.layout.anchors))})
		}
	}
	slices.SortFunc(gone, func(a, b sighting) int { return strings.Compare(a.String(), b.String()) })
	return gone
}

// gatherKeepers finds the processes that write. Not finding one, for whatever reason, excuses nothing and accuses nobody.
func (p *Probe) gatherKeepers(ctx context.Context, o *observation) {
	for owner, search := range p.searches {
		var k keeper
		if p, err := search.Find(ctx, keepers[owner]); err == nil && !p.IsZombie() {
			k.found, k.young = true, p.Age() < check.MaxGrace
		}
		isThere := slices.ContainsFunc(o.sightings, func(s sighting) bool { return s.layout.owner == owner && s.holdsAny() })
		if owner == KubeProxy && !isThere && !k.found {
			k.mode = p.proxyMode(ctx)
		}
		o.keepers[owner] = k
	}
}

// proxyMode is what kube-proxy says of itself, which also finds one embedded in another program.
func (p *Probe) proxyMode(ctx context.Context) string {
	asked, cancel := context.WithTimeout(ctx, askMode)
	defer cancel()
	reply, err := p.http.Get(ctx, asked, p.subject.ProxyModeURL)
	mode := strings.TrimSpace(reply.Body)
	if err != nil || reply.Status != http.StatusOK || !slices.Contains([]string{"iptables", "nftables", "ipvs"}, mode) {
		return ""
	}
	return mode
}

// A backend is one ruleset, open during a look.
type backend struct {
	ruleset
	name   string
	family host.Family
}

type backends []backend

func (b backends) at(p place) ruleset {
	for _, one := range b {
		if one.name == p.backend && one.family == p.family {
			return one.ruleset
		}
	}
	return legacyRules{}
}

func (b backends) close() {
	for _, one := range b {
		if l, isLegacy := one.ruleset.(legacyRules); isLegacy {
			l.close()
		}
	}
}

// open lists the tables, and reads those of legacy iptables that matter.
func (p *Probe) open(ctx context.Context) (_ backends, err error) {
	var all backends
	defer func() {
		if err != nil {
			all.close()
		}
	}()
	tables, err := p.door.Tables(ctx)
	if err != nil && !errors.Is(err, host.ErrNoNftables) {
		return nil, err
	}
	for _, family := range []host.Family{host.IPv4, host.IPv6} {
		nft := nftRules{door: p.door, tables: map[string]host.RuleTable{}}
		for _, table := range tables {
			if table.Family == family && !table.Dormant { // one that sleeps is as good as gone
				nft.tables[table.Name] = table
			}
		}
		old := legacyRules{}
		all = append(all, backend{nft, nfTables, family}, backend{old, legacy, family})
		for _, table := range p.shapes {
			if table.Family == family {
				if old[table.Name], err = p.door.Legacy(ctx, family, table.Name); err != nil {
					return nil, err
				}
			}
		}
	}
	return all, nil
}

// legacyTables are those that any layout has an anchor in.
var legacyTables = []string{"nat", "filter"}
