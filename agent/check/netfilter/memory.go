package netfilter

import "maps"

// A memory is what a probe keeps from one look to the next. It is a value: after returns the next one.
type memory struct {
	places map[place]known
	led    map[string]bool // owners of which some service led to an endpoint
}

// known is what was seen in one place so far.
type known struct {
	seen       bool
	whole      bool
	anchors    uint32 // a bit for each that was held once
	kubernetes bool   // the service led to an endpoint here
}

// after is the memory once o was judged.
func (m memory) after(o observation) memory {
	next := memory{places: maps.Clone(m.places), led: maps.Clone(m.led)}
	if next.places == nil {
		next = memory{places: map[place]known{}, led: map[string]bool{}}
	}
	for _, s := range o.sightings {
		k := m.places[s.place]
		if !s.exists() && o.replaced(s, m) {
			delete(next.places, s.place)
			continue
		}
		k.seen = k.seen || s.exists()
		k.whole = k.whole || s.isWhole(k)
		k.kubernetes = k.kubernetes || s.destinations.kubernetes
		for i, held := range s.held {
			if held {
				k.anchors |= 1 << i
			}
		}
		if k.seen {
			next.places[s.place] = k
		}
		if s.destinations.any {
			next.led[s.layout.owner] = true
		}
	}
	return next
}

// replaced says that the owner's rules for this family are whole in another place.
func (o observation) replaced(gone sighting, m memory) bool {
	for _, s := range o.sightings {
		if s.layout.owner == gone.layout.owner && s.family == gone.family && s.place != gone.place && s.isWhole(m.places[s.place]) {
			return true
		}
	}
	return false
}
