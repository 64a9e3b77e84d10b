//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// A condition says by an error what is still missing.
type condition = observe.Condition

// Those that others share, by the names the cases read best with.
var (
	inState   = observe.InState
	tainted   = observe.Tainted
	untainted = observe.Untainted
	leaving   = observe.Leaving
)

func readyElsewhere(node string) condition { return observe.ReadyElsewhere(hello, node) }

func withReason(node string, want v1alpha1.Reason) condition {
	return func(s observe.State) error {
		if got := s.Health(node).Reason; got != want {
			return fmt.Errorf("%s has the reason %q, not %s", node, got, want)
		}
		return nil
	}
}

func heartbeat(node string, want v1alpha1.LeaseState) condition {
	return func(s observe.State) error {
		if l := s.Health(node).Lease; l == nil || l.State != want {
			return fmt.Errorf("the heartbeat of %s is not %s", node, want)
		}
		return nil
	}
}

// noPermit: nothing was spent on a node.
func noPermit(node string) condition {
	return func(s observe.State) error {
		if n := len(permits(s, node)); n != 0 {
			return fmt.Errorf("%d permits were spent on %s", n, node)
		}
		return nil
	}
}

func permits(s observe.State, node string) []v1alpha1.LedgerPermit {
	var out []v1alpha1.LedgerPermit
	if s.Ledger != nil {
		for _, p := range s.Ledger.Permits {
			if p.Node == node {
				out = append(out, p)
			}
		}
	}
	return out
}

// withheld: NodeHealth shows an isolation that a brake holds back, for people to see.
func withheld(node string, by v1alpha1.Brake) condition {
	return func(s observe.State) error {
		i := s.Health(node).Isolation
		if i == nil || i.Withheld == nil {
			return fmt.Errorf("nothing is withheld from %s", node)
		}
		if !slices.Contains(i.Withheld.By, by) {
			return fmt.Errorf("%s is withheld by %v, not by %s", node, i.Withheld.By, by)
		}
		if i.Withheld.Message == "" || i.Withheld.Summary == "" {
			return errors.New("what is withheld does not say why")
		}
		return nil
	}
}

// withheldBecause: what NodeHealth says of it names this.
func withheldBecause(node, why string) condition {
	return func(s observe.State) error {
		i := s.Health(node).Isolation
		if i == nil || i.Withheld == nil || !strings.Contains(i.Withheld.Message, why) {
			return fmt.Errorf("nothing is withheld from %s because of %q: %+v", node, why, i)
		}
		return nil
	}
}

// told: an Event about a node has this reason.
func told(kind, name, reason string) condition {
	return func(s observe.State) error {
		var seen []string
		for _, e := range s.EventsAbout(kind, name) {
			if e.Reason == reason {
				return nil
			}
			seen = append(seen, e.Reason)
		}
		return fmt.Errorf("no Event %s about %s %s, but %v", reason, kind, name, seen)
	}
}
