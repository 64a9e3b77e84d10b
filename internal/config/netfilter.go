package config

import (
	"slices"
	"strings"
)

// NetfilterSubject says whose packet filter rules must be on this node.
type NetfilterSubject struct {
	// Expect lists owners whose rules must be there although this agent never saw them: kube-proxy, calico. Default
	// empty: an owner is found by its rules, and kube-proxy also by its process or its answer. What was seen once must
	// be there from then on, named here or not.
	Expect []string `json:"expect,omitempty"`
	// Ignore lists owners whose rules are not looked at. Default empty. Name one here before it is taken out of the
	// cluster: an agent that saw its rules calls their end a fault.
	Ignore []string `json:"ignore,omitempty"`
	// ProxyModeURL is where kube-proxy tells its mode. Default http://127.0.0.1:10249/proxyMode, kube-proxy's own. It is
	// asked only when none of its rules and no process of that name are found.
	ProxyModeURL string `json:"proxyModeURL"`
}

var netfilterOwners = []string{"kube-proxy", "calico"}

func defaultNetfilter() NetfilterSubject {
	return NetfilterSubject{ProxyModeURL: "http://127.0.0.1:10249/proxyMode"}
}

func (s NetfilterSubject) validate(p *Problems) {
	p.requireOwners("checks.netfilter.expect", s.Expect)
	p.requireOwners("checks.netfilter.ignore", s.Ignore)
	for i, owner := range s.Expect {
		p.Require(!slices.Contains(s.Ignore, owner), indexed("checks.netfilter.expect", i),
			"%q is in ignore too; keep it in one of the two", owner)
	}
	p.Require(strings.HasPrefix(s.ProxyModeURL, "http://"), "checks.netfilter.proxyModeURL",
		"%q is not an http:// address; kube-proxy's own is http://127.0.0.1:10249/proxyMode", s.ProxyModeURL)
}

func (p *Problems) requireOwners(path string, owners []string) {
	for i, owner := range owners {
		p.Require(slices.Contains(netfilterOwners, owner), indexed(path, i),
			"%q owns no rules that we know; use %s", owner, strings.Join(netfilterOwners, " or "))
	}
}
