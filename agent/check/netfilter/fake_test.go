package netfilter

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// A fakeRuleset is nftables in memory.
type fakeRuleset struct {
	generation host.Generation
	// tables by family and name, chains by name.
	tables map[host.RuleTable]map[string][]host.Rule
	// sets by name, in whichever table.
	sets map[string]string

	err    error
	reads  int    // of rules
	onRead func() // called before rules are read
}

func (f *fakeRuleset) Generation(context.Context) (host.Generation, error) {
	return f.generation, f.err
}

func (f *fakeRuleset) Tables(context.Context) ([]host.RuleTable, error) {
	return slices.Collect(maps.Keys(f.tables)), nil
}

func (f *fakeRuleset) Chains(_ context.Context, t host.RuleTable) ([]string, error) {
	return slices.Collect(maps.Keys(f.tables[t])), nil
}

func (f *fakeRuleset) Rules(_ context.Context, t host.RuleTable, chain string, visit func(host.Rule) bool) error {
	f.reads++
	if f.onRead != nil {
		f.onRead()
	}
	for _, rule := range f.tables[t][chain] {
		if visit(rule) {
			return nil
		}
	}
	return nil
}

func (f *fakeRuleset) Elements(_ context.Context, _ host.RuleTable, set string, visit func([]byte) bool) error {
	if raw := f.sets[set]; raw != "" {
		visit([]byte(raw))
	}
	return nil
}

func (f *fakeRuleset) HasChain(_ context.Context, t host.RuleTable, chain string) (bool, error) {
	_, found := f.tables[t][chain]
	return found, nil
}

func (f *fakeRuleset) LegacyTables(context.Context, ...string) ([]host.LegacyTable, error) {
	return nil, nil
}

func (f *fakeRuleset) Legacy(context.Context, host.Family, string) (*host.LegacyRules, error) {
	return nil, errors.New("not here")
}

func (f *fakeRuleset) Watch(ctx context.Context, changed func()) error {
	changed()
	<-ctx.Done()
	return ctx.Err()
}

// kubeProxy is its ruleset in nftables mode, for IPv4.
func kubeProxy() *fakeRuleset {
	to := func(chain string) []host.Rule { return []host.Rule{{To: chain}} }
	return &fakeRuleset{
		generation: host.Generation{ID: 1, Writer: "nft"},
		tables: map[host.RuleTable]map[string][]host.Rule{
			{Family: host.IPv4, Name: "kube-proxy"}: {
				"nat-prerouting": to("services"), "nat-output": to("services"), "nat-postrouting": to("masquerading"),
				"services": {{}}, "masquerading": {{}},
				"service-2QRHZV4L-default/kubernetes/tcp/https": {{DNAT: true}},
			},
		},
		sets: map[string]string{"service-ips": "x"},
	}
}

func (f *fakeRuleset) flush() {
	f.generation.ID++
	f.tables = nil
}
