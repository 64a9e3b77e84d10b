package netfilter

import (
	"slices"
	"strings"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// judge concludes; doc.go has its table. expected are owners whose rules must be here though they were never seen.
func judge(o observation, m memory, expected []string) ([]check.Finding, error) {
	var findings []check.Finding
	applies := false
	for _, owner := range []string{KubeProxy, Calico} {
		var places []sighting
		for _, s := range o.sightings {
			if s.layout.owner == owner && (s.exists() || m.places[s.place].seen) {
				places = append(places, s)
			}
		}
		switch {
		case len(places) > 0:
			applies = true
			findings = append(findings, o.judgeOwner(owner, places, m)...)
		case slices.Contains(expected, owner):
			applies = true
			findings = append(findings, never(owner, "the configuration expects it"))
		case owner == KubeProxy && o.keepers[owner].runs():
			applies = true
			findings = append(findings, never(owner, "it runs on this node"))
		}
	}
	if !applies {
		return nil, check.ErrNotApplicable
	}
	return findings, nil
}

func (o observation) judgeOwner(owner string, places []sighting, m memory) []check.Finding {
	var findings []check.Finding
	whole := places[:0:0]
	for _, s := range places {
		switch k := m.places[s.place]; {
		case s.isWhole(k):
			whole = append(whole, s)
		case !s.holdsAny() && o.replaced(s, m):
		default:
			findings = append(findings, excused(o.broken(s, k), !k.whole || o.keepers[owner].isWriting(s.layout)))
		}
	}
	if len(findings) > 0 {
		return findings
	}
	return o.judgeDestinations(owner, whole, m)
}

// broken is about a place where not everything is held.
func (o observation) broken(s sighting, k known) check.Finding {
	missing := s.lacks(k)
	if !s.holdsAny() {
		return check.Finding{
			Reason:  v1alpha1.ReasonNetfilterEmpty,
			Message: s.String() + " are gone, all of them" + o.lastWritten(s),
		}
	}
	words := make([]string, len(missing))
	for i, one := range missing {
		words[i] = one.String()
	}
	return check.Finding{
		Reason:  v1alpha1.ReasonNetfilterAnchorMissing,
		Message: s.String() + ": " + strings.Join(words, ", ") + o.lastWritten(s),
	}
}

// judgeDestinations is about rules that are whole.
func (o observation) judgeDestinations(owner string, whole []sighting, m memory) []check.Finding {
	var findings []check.Finding
	somewhere, asked := false, false
	for _, s := range whole {
		d := s.destinations
		if s.layout.services == nil {
			continue
		}
		asked = true
		somewhere = somewhere || d.any || d.refused || d.elsewhere
		if m.places[s.place].kubernetes && !d.kubernetes && !d.refused && !d.elsewhere {
			findings = append(findings, check.Finding{
				Reason:  v1alpha1.ReasonNetfilterNoDestinations,
				Message: s.String() + " lead to no endpoint of default/kubernetes, as they did, and do not refuse it either" + o.lastWritten(s),
			})
		}
	}
	if len(findings) > 0 || somewhere || !asked {
		return findings
	}
	return []check.Finding{excused(check.Finding{
		Reason:  v1alpha1.ReasonNetfilterNoDestinations,
		Message: owner + "'s rules lead no service to any endpoint, and do not refuse default/kubernetes either" + o.lastWritten(whole[0]),
	}, !m.led[owner] || o.keepers[owner].young)}
}

func never(owner, why string) check.Finding {
	return excused(check.Finding{
		Reason:  v1alpha1.ReasonNetfilterEmpty,
		Message: "there is no rule of " + owner + " on this node, though " + why,
	}, true)
}

// excused marks what the owner may be about to write.
func excused(f check.Finding, mayCome bool) check.Finding {
	if mayCome {
		f.Restarting, f.Grace = true, check.MaxGrace
	}
	return f
}

func (o observation) lastWritten(s sighting) string {
	if o.writer == "" || s.backend == legacy {
		return ""
	}
	return "; nftables was last written by " + o.writer
}
