package netfilter

import (
	"bytes"
	"context"
	"slices"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// kubernetesLeads says whether the service kubernetes leads to an endpoint: a few questions, however many services
// there are.
func kubernetesLeads(ctx context.Context, in ruleset, s *service) (bool, error) {
	if s.dispatch != "" {
		return dispatched(ctx, in, s, s.kubernetes)
	}
	var endpoints []string
	err := in.rules(ctx, s.table, s.kubernetes, func(r host.Rule) bool {
		if hasAnyPrefix(r.To, s.endpoints) {
			endpoints = append(endpoints, r.To)
		}
		return false
	})
	if err != nil {
		return false, err
	}
	return anyRewrites(ctx, in, s, endpoints)
}

// dispatched says whether a chain rewrites destinations and the map that leads there has elements. Which ones, we do not
// ask: with thousands of services that would be thousands of elements.
func dispatched(ctx context.Context, in ruleset, s *service, chains ...string) (bool, error) {
	found, err := anyRewrites(ctx, in, s, chains)
	if err != nil || !found {
		return false, err
	}
	filled := false
	err = in.elements(ctx, s.table, s.dispatch, func([]byte) bool {
		filled = true
		return true
	})
	return filled, err
}

func anyRewrites(ctx context.Context, in ruleset, s *service, chains []string) (bool, error) {
	for _, chain := range chains {
		if found, err := rewrites(ctx, in, s, chain); err != nil || found {
			return found, err
		}
	}
	return false, nil
}

// lookFurther is for rules where kubernetes leads nowhere: it lists every chain. Chains of services that are gone stay
// for a while, empty, so their names prove nothing.
func lookFurther(ctx context.Context, in ruleset, s *service) (destinations, error) {
	var d destinations
	names, err := in.chains(ctx, s.table)
	if err != nil {
		return d, err
	}
	for _, chain := range s.elsewhere {
		d.elsewhere = d.elsewhere || slices.Contains(names, chain)
	}
	if d.refused, err = refuses(ctx, in, s); err != nil {
		return d, err
	}
	if d.elsewhere || d.refused {
		return d, nil
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !hasAnyPrefix(name, s.endpoints) })
	if s.dispatch != "" {
		d.any, err = dispatched(ctx, in, s, names...)
	} else {
		d.any, err = anyRewrites(ctx, in, s, names)
	}
	return d, err
}

// refuses says whether the owner lists the service kubernetes as one without endpoints.
func refuses(ctx context.Context, in ruleset, s *service) (found bool, err error) {
	names := func(raw []byte) bool {
		found = found || bytes.Contains(raw, []byte(kubernetes))
		return found
	}
	if s.refused.set != "" {
		err = in.elements(ctx, s.refused.table, s.refused.set, names)
	} else {
		err = in.rules(ctx, s.refused.table, s.refused.chain, func(r host.Rule) bool { return names(r.Raw) })
	}
	return found, err
}
