package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

const (
	// askAgain is how often what was found is doubted. A change of runtime drains the node: a minute is soon.
	askAgain = time.Minute
	// askSoon is for what the kubelet has not confirmed: it may be starting.
	askSoon = 10 * time.Second
)

// A Discovery knows which runtime the kubelet of this node uses. Its methods may be called concurrently.
type Discovery struct {
	kinds   []kind
	doors   host.Doors
	kubelet finder
	turn    chan struct{} // a mutex that can be waited for with a deadline

	mu       sync.Mutex // guards everything below
	kept     kind       // without a name: none yet
	next     time.Time  // when to look again
	isFixed  bool       // configured
	deposed  check.Name // what presence said at the last look instead of what is kept
	searched time.Time  // when the kubelet was last looked for
	checks   []check.Check
}

// Discover prepares to find the runtime, or takes the configured one. Nothing is looked at yet.
func Discover(o config.RuntimeSubject, k config.KubeletSubject, doors host.Doors) (*Discovery, error) {
	d := &Discovery{kinds: known, doors: doors, kubelet: newFinder(k, doors), turn: make(chan struct{}, 1)}
	if o.Endpoint != Auto {
		configured, err := configured(o)
		if err != nil {
			return nil, err
		}
		d.kinds, d.kept, d.isFixed = []kind{configured}, configured, true
	}
	for _, one := range d.kinds {
		d.checks = append(d.checks, check.New(one.name, newProbe(one, d)).Needing(check.NeedRun, check.NeedHostPID))
	}
	return d, nil
}

// Checks has one for the configured runtime, or one for each that we know, of which at most one applies.
func (d *Discovery) Checks() []check.Check { return d.checks }

// Endpoint is the socket of the kubelet's runtime; check.ErrNotApplicable while there is none.
func (d *Discovery) Endpoint(ctx context.Context) (string, error) {
	found, err := d.chosen(ctx)
	return found.socket, err
}

// chosen is the runtime of this node; check.ErrNotApplicable while there is none. What was found once is kept until
// something else is found.
func (d *Discovery) chosen(ctx context.Context) (kind, error) {
	if found, fresh := d.fresh(); fresh {
		return found, nil
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return kind{}, ctx.Err()
	}
	found, fresh := d.fresh() // somebody may have looked meanwhile
	if fresh {
		return found, nil
	}
	if d.isKubeletDue() {
		used, err := d.kubelet.runtime(ctx, d.kinds, d.hasSocket)
		if err == nil {
			return d.keep(used, askAgain), nil
		}
		var stranger errStranger
		if errors.As(err, &stranger) && found.name == "" {
			return kind{}, err
		}
	}
	return d.byPresence(ctx, found)
}

func (d *Discovery) fresh() (kind, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept, d.isFixed || (d.kept.name != "" && time.Now().Before(d.next))
}

func (d *Discovery) isKubeletDue() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.searched) < askSoon && !d.searched.IsZero() {
		return false
	}
	d.searched = time.Now()
	return true
}

func (d *Discovery) keep(found kind, until time.Duration) kind {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept, d.next, d.deposed = found, time.Now().Add(until), ""
	return found
}

// byPresence is for a node whose kubelet is not there or does not tell. What is kept is given up only when it left no
// trace while another one runs, at two looks: a dead runtime stays the subject.
func (d *Discovery) byPresence(ctx context.Context, kept kind) (kind, error) {
	seen := d.sightings(ctx)
	name, err := choose(seen)
	if kept.name == "" && err != nil {
		return kind{}, err
	}
	if kept.name == "" {
		return d.keep(d.named(name), askSoon), nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = time.Now().Add(askAgain)
	isNews := err == nil && name != kept.name && isActive(seen, name) && !isThere(seen, kept.name)
	switch {
	case !isNews:
		d.deposed = ""
	case d.deposed != name:
		d.deposed = name
	default:
		d.kept, d.deposed = d.named(name), ""
	}
	return d.kept, nil
}

func (d *Discovery) named(name check.Name) kind {
	for _, one := range d.kinds {
		if one.name == name {
			return one
		}
	}
	return kind{}
}

func (d *Discovery) hasSocket(socket string) bool {
	_, err := os.Stat(d.doors.Paths.At(socket))
	return err == nil
}

// A sighting is what the node shows of one runtime.
type sighting struct {
	name      check.Name
	hasSocket bool
	hasUnit   bool
	isActive  bool // its unit, or it is coming back
	err       error
}

func isActive(seen []sighting, name check.Name) bool {
	for _, s := range seen {
		if s.name == name {
			return s.isActive
		}
	}
	return false
}

// isThere also of one whose absence we cannot tell.
func isThere(seen []sighting, name check.Name) bool {
	for _, s := range seen {
		if s.name == name {
			return s.hasSocket || s.isActive || s.err != nil
		}
	}
	return false
}

func (d *Discovery) sightings(ctx context.Context) []sighting {
	var seen []sighting
	for _, k := range d.kinds {
		if !k.onlyNamed {
			seen = append(seen, d.see(ctx, k))
		}
	}
	return seen
}

func (d *Discovery) see(ctx context.Context, k kind) sighting {
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
