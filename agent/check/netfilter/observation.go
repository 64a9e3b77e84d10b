package netfilter

// An observation is what one look saw.
type observation struct {
	sightings []sighting
	keepers   map[string]keeper // by owner; only of those looked for
	writer    string            // who wrote nftables last, if known
}

// A keeper is the process that writes an owner's rules.
type keeper struct {
	found bool
	young bool   // started less than a grace ago
	mode  string // what kube-proxy says of itself: iptables, nftables, ipvs; empty: it does not say, or was not asked
}

func (k keeper) runs() bool { return k.found || k.mode != "" }

// isWriting says that it may be about to write the rules of that layout, or has moved to another.
func (k keeper) isWriting(l *layout) bool { return k.young || (k.mode != "" && k.mode != l.mode) }

// A sighting is what was seen in one place.
type sighting struct {
	place
	signed       bool   // the owner was here, whatever is left
	held         []bool // by anchor of the layout
	destinations destinations
}

type destinations struct {
	kubernetes bool // the service kubernetes leads to an endpoint
	any        bool // some service does
	refused    bool // the owner says that kubernetes has no endpoint
	elsewhere  bool // they are not among the rules
}

// exists says that something of the owner is there.
func (s sighting) exists() bool { return s.signed || s.holdsAny() }

func (s sighting) holdsAny() bool {
	for _, held := range s.held {
		if held {
			return true
		}
	}
	return false
}

// lacks are the anchors that are required and not held.
func (s sighting) lacks(k known) []anchor {
	var missing []anchor
	for i, a := range s.layout.anchors {
		if !s.held[i] && (!a.learned || k.anchors&(1<<i) != 0) {
			missing = append(missing, a)
		}
	}
	return missing
}

// isWhole says that everything required of the place is there.
func (s sighting) isWhole(k known) bool { return s.holdsAny() && len(s.lacks(k)) == 0 }
