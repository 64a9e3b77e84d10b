package netfilter

import (
	"strings"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// Owners of rules, as the configuration calls them.
const (
	KubeProxy = "kube-proxy"
	Calico    = "calico"
)

// An anchor is a place where an owner's rules hang.
type anchor struct {
	table string
	chain string
	// to is the chain that a rule of it leads to. A star at its end stands for anything. Empty: any rule will do.
	to string
	// learned: it is required only once it was seen. Others are required of everybody.
	learned bool
}

func (a anchor) String() string {
	if a.to == "" {
		return a.table + " " + a.chain + " has no rules"
	}
	return a.table + " " + a.chain + " does not lead to " + a.to
}

func (a anchor) matches(r host.Rule) bool {
	if prefix, open := strings.CutSuffix(a.to, "*"); open {
		return strings.HasPrefix(r.To, prefix)
	}
	return r.To == a.to
}

// A layout is one way an owner writes its rules.
type layout struct {
	owner    string
	mode     string // nftables or iptables; iptables' rules may be in nftables' clothes
	anchors  []anchor
	sign     anchor   // a chain that shows that the owner was here, even when every anchor is gone
	services *service // nil: it has no destinations
}

// A service says where the destinations of services are.
type service struct {
	table string
	// kubernetes is the chain of default/kubernetes: its name has a hash in it, of words that never change.
	kubernetes string
	// endpoints begin the names of the chains that rewrite destinations.
	endpoints []string
	// dispatch is the map that leads to the services, empty when rules do.
	dispatch string
	// refused is where a service without endpoints is listed by name: a map, or a chain.
	refused struct{ table, set, chain string }
	// elsewhere are chains that show that the destinations are not among the rules.
	elsewhere []string
}

// kubernetes as kube-proxy writes it into comments.
const kubernetes = "default/kubernetes:"

// Names are those of kube-proxy 1.29 to 1.37 in nftables mode, and of all versions since 1.11 in iptables mode; calico's
// of all versions since 3.0, and of its nftables mode since 3.29. IPVS mode has the anchors of iptables mode.
var layouts = []*layout{
	{
		owner: KubeProxy, mode: "nftables",
		anchors: []anchor{
			{table: "kube-proxy", chain: "nat-prerouting", to: "services"},
			{table: "kube-proxy", chain: "nat-output", to: "services"},
			{table: "kube-proxy", chain: "nat-postrouting", to: "masquerading"},
			{table: "kube-proxy", chain: "services"},
			{table: "kube-proxy", chain: "masquerading"},
		},
		sign: anchor{table: "kube-proxy", chain: "services"},
		services: &service{
			table: "kube-proxy", kubernetes: "service-2QRHZV4L-default/kubernetes/tcp/https",
			endpoints: []string{"service-", "local-", "endpoint-"}, dispatch: "service-ips",
			refused: struct{ table, set, chain string }{table: "kube-proxy", set: "no-endpoint-services"},
		},
	},
	{
		owner: KubeProxy, mode: "iptables",
		anchors: []anchor{
			{table: "nat", chain: "PREROUTING", to: "KUBE-SERVICES"},
			{table: "nat", chain: "OUTPUT", to: "KUBE-SERVICES"},
			{table: "nat", chain: "POSTROUTING", to: "KUBE-POSTROUTING"},
			{table: "nat", chain: "KUBE-POSTROUTING"},
			{table: "filter", chain: "FORWARD", to: "KUBE-FORWARD"},
			{table: "filter", chain: "KUBE-FORWARD"},
			{table: "nat", chain: "KUBE-SERVICES", learned: true}, // in a family without services it may be empty
		},
		sign: anchor{table: "nat", chain: "KUBE-SERVICES"},
		services: &service{
			table: "nat", kubernetes: "KUBE-SVC-NPX46M4PTMTKRN6Y", endpoints: []string{"KUBE-SEP-"},
			refused:   struct{ table, set, chain string }{table: "filter", chain: "KUBE-SERVICES"},
			elsewhere: []string{"KUBE-LOAD-BALANCER", "KUBE-NODE-PORT"},
		},
	},
	{
		// All are learned: what felix writes depends on its configuration, and with eBPF it writes next to nothing.
		owner: Calico, mode: "iptables",
		anchors: []anchor{
			{table: "filter", chain: "INPUT", to: "cali-INPUT", learned: true},
			{table: "filter", chain: "FORWARD", to: "cali-FORWARD", learned: true},
			{table: "filter", chain: "OUTPUT", to: "cali-OUTPUT", learned: true},
			{table: "filter", chain: "cali-FORWARD", learned: true},
			{table: "nat", chain: "PREROUTING", to: "cali-PREROUTING", learned: true},
			{table: "nat", chain: "OUTPUT", to: "cali-OUTPUT", learned: true},
			{table: "nat", chain: "POSTROUTING", to: "cali-POSTROUTING", learned: true},
		},
		sign: anchor{table: "filter", chain: "cali-FORWARD"},
	},
	{
		owner: Calico, mode: "nftables",
		anchors: []anchor{
			{table: "calico", chain: "filter-INPUT", to: "filter-cali-*", learned: true},
			{table: "calico", chain: "filter-FORWARD", to: "filter-cali-*", learned: true},
			{table: "calico", chain: "filter-OUTPUT", to: "filter-cali-*", learned: true},
			{table: "calico", chain: "nat-PREROUTING", to: "nat-cali-*", learned: true},
			{table: "calico", chain: "nat-POSTROUTING", to: "nat-cali-*", learned: true},
		},
		sign: anchor{table: "calico", chain: "filter-FORWARD"},
	},
}

// keepers are the processes that write an owner's rules.
var keepers = map[string]host.Pattern{
	KubeProxy: {Names: []string{"kube-proxy"}},
	Calico:    {Names: []string{"calico-node"}, Args: []string{"felix"}},
}

// A place is where one owner's rules are: written in one way, for one family, in one backend of the kernel.
type place struct {
	layout  *layout
	backend string
	family  host.Family
}

// Backends of the kernel.
const (
	nfTables = "nf_tables"
	legacy   = "legacy"
)

func (p place) String() string {
	text := p.layout.owner + "'s " + p.layout.mode + " rules for " + p.family.String()
	if p.layout.mode == "iptables" {
		text += " (" + p.backend + ")"
	}
	return text
}
