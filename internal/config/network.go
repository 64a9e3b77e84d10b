package config

import (
	"net/netip"
	"time"
)

// NetworkSubject says what the checks link, route, conntrack, dns, apiserver and peers go by.
type NetworkSubject struct {
	// Interfaces are watched by the check link. Default empty: those that carry a default route or the node's address.
	// Name the ports beneath a bridge, which has a carrier as long as any pod has.
	Interfaces []string        `json:"interfaces,omitempty"`
	Flapping   NetworkFlapping `json:"flapping"`
	Conntrack  NetworkRoom     `json:"conntrack"`
	DNS        NetworkDNS      `json:"dns"`
	APIServer  NetworkAPI      `json:"apiServer"`
	Peers      NetworkPeers    `json:"peers"`
}

// NetworkFlapping says when an interface flaps.
type NetworkFlapping struct {
	// Changes of the carrier within the window. Default 6, which is three times gone and back: a reset of the card or of
	// the switch is one or two.
	Changes int `json:"changes"`
	// Window in which they are counted, and for which one that flapped is remembered. Default 1m.
	Window Duration `json:"window"`
}

// NetworkRoom says when the table of tracked connections is full.
type NetworkRoom struct {
	// FullPercent of the limit. Default 95: the kernel begins to drop new connections at 100, and a burst fills the
	// rest within seconds.
	FullPercent int `json:"fullPercent"`
	// Drops are packets lost between two looks because their connection could not be tracked, counted while the table is
	// above three quarters. Default 10: one lost packet is no fault of the node.
	Drops int `json:"drops"`
}

// NetworkDNS says whom the check dns asks for what.
type NetworkDNS struct {
	// Servers, host:port. Default empty: those of the host's /etc/resolv.conf.
	Servers []string `json:"servers,omitempty"`
	// Domain whose name servers are asked for, and then must be answered. Default empty: those of the root, where
	// whatever comes back shows a server that works.
	Domain string `json:"domain,omitempty"`
}

// NetworkAPI says when the check apiserver begins to doubt.
type NetworkAPI struct {
	// QuietAfter is how long the API server may answer nothing at all before its addresses are dialed. Default 3s, and
	// in any case three beat periods: while beats get through, the check costs nothing.
	QuietAfter Duration `json:"quietAfter"`
}

// NetworkPeers says whom the check peers asks.
type NetworkPeers struct {
	// Addresses of other nodes' agents, ip:port. Default empty: those that the controller names.
	Addresses []string `json:"addresses,omitempty"`
	// SlowAfter is how long a connection to a peer may take to open. Default 500ms: longer than light takes around the
	// earth, shorter than the 1s after which a lost packet is sent again.
	SlowAfter Duration `json:"slowAfter"`
}

func defaultNetwork() NetworkSubject {
	return NetworkSubject{
		Flapping:  NetworkFlapping{Changes: 6, Window: Duration{Duration: time.Minute}},
		Conntrack: NetworkRoom{FullPercent: 95, Drops: 10},
		APIServer: NetworkAPI{QuietAfter: Duration{Duration: 3 * time.Second}},
		Peers:     NetworkPeers{SlowAfter: Duration{Duration: 500 * time.Millisecond}},
	}
}

func (n NetworkSubject) validate(p *Problems, path string) {
	for i, name := range n.Interfaces {
		p.Require(len(name) > 0 && len(name) <= 15, indexed(path+".interfaces", i),
			"%q is not the name of an interface; give 1 to 15 bytes, like eth0", name)
	}
	p.Require(n.Flapping.Changes >= 2 && n.Flapping.Changes <= 1000, path+".flapping.changes",
		"%d is outside 2 to 1000; gone and back are two changes, the default is 6", n.Flapping.Changes)
	p.requireBetween(path+".flapping.window", n.Flapping.Window, time.Second, time.Hour)
	p.Require(n.Conntrack.FullPercent >= 50 && n.Conntrack.FullPercent <= 100, path+".conntrack.fullPercent",
		"%d is outside 50 to 100; the default is 95", n.Conntrack.FullPercent)
	p.Require(n.Conntrack.Drops >= 1, path+".conntrack.drops", "%d is not a number of packets; use 1 or more, the default is 10", n.Conntrack.Drops)
	p.requireServers(path+".dns.servers", n.DNS.Servers)
	p.requireBetween(path+".apiServer.quietAfter", n.APIServer.QuietAfter, time.Second, time.Hour)
	for i, address := range n.Peers.Addresses {
		_, err := netip.ParseAddrPort(address)
		p.Require(err == nil, indexed(path+".peers.addresses", i), "%q is not an address; write ip:port, like 10.0.0.1:10298", address)
	}
	p.requireBetween(path+".peers.slowAfter", n.Peers.SlowAfter, time.Millisecond, 3*time.Second)
}
