package netfilter

import (
	"context"
	"strings"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// A ruleset is the rules of one backend for one family, during one look.
type ruleset interface {
	hasChain(ctx context.Context, table, chain string) (bool, error)
	// rules visits a chain's until visit has seen enough. What does not exist has none.
	rules(ctx context.Context, table, chain string, visit func(host.Rule) (enough bool)) error
	chains(ctx context.Context, table string) ([]string, error)
	// elements visits a set's, many at a time.
	elements(ctx context.Context, table, set string, visit func(raw []byte) (enough bool)) error
}

// nftRules are those of nftables.
type nftRules struct {
	door   Door
	tables map[string]host.RuleTable
}

func (n nftRules) hasChain(ctx context.Context, table, chain string) (bool, error) {
	t, found := n.tables[table]
	if !found {
		return false, nil
	}
	return n.door.HasChain(ctx, t, chain)
}

func (n nftRules) rules(ctx context.Context, table, chain string, visit func(host.Rule) bool) error {
	t, found := n.tables[table]
	if !found {
		return nil
	}
	return n.door.Rules(ctx, t, chain, visit)
}

func (n nftRules) chains(ctx context.Context, table string) ([]string, error) {
	t, found := n.tables[table]
	if !found {
		return nil, nil
	}
	return n.door.Chains(ctx, t)
}

func (n nftRules) elements(ctx context.Context, table, set string, visit func([]byte) bool) error {
	t, found := n.tables[table]
	if !found {
		return nil
	}
	return n.door.Elements(ctx, t, set, visit)
}

// legacyRules are those of legacy iptables, read when the look began.
type legacyRules map[string]*host.LegacyRules

func (l legacyRules) hasChain(_ context.Context, table, chain string) (bool, error) {
	if l[table] == nil {
		return false, nil
	}
	return l[table].HasChain(chain)
}

func (l legacyRules) rules(_ context.Context, table, chain string, visit func(host.Rule) bool) error {
	if l[table] == nil {
		return nil
	}
	return l[table].Rules(chain, visit)
}

func (l legacyRules) chains(_ context.Context, table string) ([]string, error) {
	if l[table] == nil {
		return nil, nil
	}
	var names []string
	err := l[table].Chains(func(name string) { names = append(names, name) })
	return names, err
}

func (legacyRules) elements(context.Context, string, string, func([]byte) bool) error { return nil }

func (l legacyRules) close() {
	for _, rules := range l {
		rules.Close()
	}
}

// holds says whether an anchor is there.
func holds(ctx context.Context, in ruleset, a anchor) (found bool, err error) {
	err = in.rules(ctx, a.table, a.chain, func(r host.Rule) bool {
		found = found || a.to == "" || a.matches(r)
		return found
	})
	return found, err
}

// rewrites says whether a chain rewrites destinations. In nftables mode one with session affinity leads to the chains of
// its endpoints by a map, which we do not follow: that it has a rule will do.
func rewrites(ctx context.Context, in ruleset, s *service, chain string) (found bool, err error) {
	err = in.rules(ctx, s.table, chain, func(r host.Rule) bool {
		found = found || r.DNAT || s.dispatch != ""
		return found
	})
	return found, err
}

func hasAnyPrefix(name string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
