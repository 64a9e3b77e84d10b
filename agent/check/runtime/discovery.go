package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// A discovery finds out which runtime this node has, once.
type discovery struct {
	kinds []kind
	doors host.Doors

	mu   sync.Mutex // guards everything below
	name check.Name
}

func newDiscovery(kinds []kind, doors host.Doors) *discovery {
	return &discovery{kinds: kinds, doors: doors}
}

// chosen is the runtime of this node; ErrNotApplicable while there is none.
func (d *discovery) chosen(ctx context.Context) (check.Name, error) {
	if name := d.kept(); name != "" {
		return name, nil
	}
	seen := make([]sighting, len(d.kinds))
	for i, k := range d.kinds {
		seen[i] = d.see(ctx, k)
	}
	name, err := choose(seen)
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.name == "" { // the other check may have chosen meanwhile, and two must not differ
		d.name = name
	}
	return d.name, nil
}

func (d *discovery) kept() check.Name {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.name
}

// A sighting is what the node shows of one runtime.
type sighting struct {
	name      check.Name
	hasSocket bool
	hasUnit   bool
	isActive  bool // its unit, or it is coming back
	err       error
}

func (d *discovery) see(ctx context.Context, k kind) sighting {
	s := sighting{name: k.name}
	_, err := os.Stat(d.doors.Paths.At(k.socket))
	s.hasSocket = err == nil
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.err = err
	}
	unit, err := d.doors.Systemd.Unit(ctx, k.unit)
	switch {
	case err == nil:
		s.hasUnit, s.isActive = unit.Exists(), unit.IsActive() || unit.IsComingBack()
	case !errors.Is(err, host.ErrNoSystemd):
		s.err = errors.Join(s.err, err)
	}
	return s
}

// choose is pure; doc.go says the rule. CRI-O stands last in the list and therefore wins among active ones.
func choose(seen []sighting) (check.Name, error) {
	var there, active []sighting
	var doubts []error
	for _, s := range seen {
		doubts = append(doubts, s.err)
		if s.hasSocket || s.hasUnit {
			there = append(there, s)
		}
		if s.isActive {
			active = append(active, s)
		}
	}
	switch err := errors.Join(doubts...); {
	case len(active) > 0:
		return active[len(active)-1].name, nil
	case err != nil && len(there) == 1: // systemd cannot be asked, but only one has a socket
		return there[0].name, nil
	case err != nil:
		return "", fmt.Errorf("finding the container runtime: %w", err)
	case len(there) == 0:
		return "", check.ErrNotApplicable
	case len(there) == 1:
		return there[0].name, nil
	default:
		return "", errors.New("this node has containerd and CRI-O and neither is active; configure the runtime's endpoint")
	}
}
