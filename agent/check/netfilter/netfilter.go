package netfilter

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

const (
	// lookAnew is how long a conclusion stands while the kernel says that nothing changed.
	lookAnew = 30 * time.Second
	// legacyShare and longestLegacy bound how long changed legacy rules are not read again.
	legacyShare   = 20
	longestLegacy = 3 * time.Second
	// attempts to read rules that are being rewritten.
	attempts = 3
)

var errMoving = errors.New("the rules were rewritten each time they were read")

// Door is host.Netfilter.
type Door interface {
	Generation(ctx context.Context) (host.Generation, error)
	Tables(ctx context.Context) ([]host.RuleTable, error)
	Chains(ctx context.Context, t host.RuleTable) ([]string, error)
	HasChain(ctx context.Context, t host.RuleTable, chain string) (bool, error)
	Rules(ctx context.Context, t host.RuleTable, chain string, visit func(host.Rule) (enough bool)) error
	Elements(ctx context.Context, t host.RuleTable, set string, visit func(raw []byte) (enough bool)) error
	LegacyTables(ctx context.Context, wanted ...string) ([]host.LegacyTable, error)
	Legacy(ctx context.Context, family host.Family, name string) (*host.LegacyRules, error)
	Watch(ctx context.Context, changed func()) error
}

// Search is host.Search.
type Search interface {
	Find(ctx context.Context, pattern host.Pattern) (host.Process, error)
}

// HTTP is host.HTTP.
type HTTP interface {
	Get(outer, asked context.Context, address string) (host.Reply, error)
}

// A Probe looks at the rules. It is used by one goroutine at a time, as the runner does; Watch beside it.
type Probe struct {
	subject  config.NetfilterSubject
	layouts  []*layout
	door     Door
	http     HTTP
	searches map[string]Search
	memory   memory

	// What the last conclusion was drawn from, while it was a good one.
	concluded  bool
	lookedAt   time.Time
	took       time.Duration
	generation uint32
	shapes     []host.LegacyTable
	applies    bool
}

// New makes the probe.
func New(o config.NetfilterSubject, doors host.Doors) *Probe {
	p := &Probe{subject: o, door: doors.Netfilter, http: doors.HTTP, searches: map[string]Search{}}
	for _, one := range layouts {
		if slices.Contains(o.Ignore, one.owner) {
			continue
		}
		p.layouts = append(p.layouts, one)
		if p.searches[one.owner] == nil {
			p.searches[one.owner] = doors.Processes.Search()
		}
	}
	return p
}

// Watch tells of every transaction on nftables. Changes of legacy iptables are not told by the kernel.
func (p *Probe) Watch(ctx context.Context, changed func()) error { return p.door.Watch(ctx, changed) }

// Probe asks whether anything changed, and looks if so.
func (p *Probe) Probe(ctx context.Context) ([]check.Finding, error) {
	for range attempts {
		before, err := p.moment(ctx)
		if err != nil {
			return nil, err
		}
		if p.stands(before) {
			return p.good()
		}
		p.concluded, p.shapes = false, before.shapes
		began := time.Now()
		o, err := p.gather(ctx)
		if err != nil {
			return nil, err
		}
		o.writer = before.Writer
		findings, err := judge(o, p.memory, p.subject.Expect)
		isGood := err == nil && len(findings) == 0
		if !isGood { // a whole ruleset was whole while it was read; a broken one may have been read in two states
			after, err := p.moment(ctx)
			if err != nil {
				return nil, err
			}
			if !after.equals(before) {
				continue
			}
		}
		p.memory = p.memory.after(o)
		p.concluded = isGood || errors.Is(err, check.ErrNotApplicable)
		p.applies, p.lookedAt, p.generation = isGood, time.Now(), before.ID
		p.took = p.lookedAt.Sub(began)
		return findings, err
	}
	return nil, errMoving
}

func (p *Probe) good() ([]check.Finding, error) {
	if !p.applies {
		return nil, check.ErrNotApplicable
	}
	return nil, nil
}

// A moment identifies the rules of both backends, most probably.
type moment struct {
	host.Generation
	shapes []host.LegacyTable
}

func (m moment) equals(other moment) bool {
	return m.ID == other.ID && slices.Equal(m.shapes, other.shapes)
}

// moment asks legacy iptables every time only where it is in use.
func (p *Probe) moment(ctx context.Context) (moment, error) {
	generation, err := p.door.Generation(ctx)
	if err != nil && !errors.Is(err, host.ErrNoNftables) {
		return moment{}, err
	}
	now := moment{Generation: generation}
	if len(p.shapes) == 0 && p.stands(now) {
		return now, nil
	}
	now.shapes, err = p.door.LegacyTables(ctx, legacyTables...)
	return now, err
}

// stands says whether the last conclusion still does. Legacy tables can only be read as a whole, 70 ms with 50 000 rules:
// one that is rewritten all the time is read for a twentieth of the time.
func (p *Probe) stands(now moment) bool {
	age := time.Since(p.lookedAt)
	isSame := slices.Equal(now.shapes, p.shapes) || age < min(legacyShare*p.took, longestLegacy)
	return p.concluded && age < lookAnew && now.ID == p.generation && isSame
}
