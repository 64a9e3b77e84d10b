package main

import (
	"net/netip"
	"os"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/network"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// networkChecks are from the inside outwards: whatever is further out is explained by what is further in.
func networkChecks(s config.NetworkSubject, doors host.Doors, cluster network.Cluster) []check.Check {
	link := check.New("link", network.NewLink(s, doors.Network, cluster)).Needing(check.NeedHostNetwork)
	route := check.New("route", network.NewRoute(doors.Network, cluster)).Needing(check.NeedHostNetwork)
	conntrack := check.New("conntrack", network.NewConntrack(s, doors.Conntrack)).Needing(check.NeedHostNetwork, check.NeedProc)
	// Those that talk to other machines do so every 5 s: with 5 peers that is one request a second in and one out, and
	// a wait of 4 s lets the kernel send a lost packet again twice.
	api := every(5*time.Second, check.New("apiserver", network.NewAPIServer(s, doors.Reach, cluster)).Needing(check.NeedHostNetwork))
	peers := every(5*time.Second, check.New("peers", network.NewPeers(s, doors.Reach, cluster)).Needing(check.NeedHostNetwork))
	// Advisory, and paid for by servers that all nodes share. The time is for the two attempts of the resolver.
	dns := every(30*time.Second, check.New("dns", network.NewDNS(s, doors.Resolver)).Needing(check.NeedHostNetwork))
	dns.Timeout = 12 * time.Second
	return []check.Check{
		link,
		route.After("link"),
		conntrack,
		dns.After("link", "route", "conntrack"),
		api.After("link", "route", "conntrack"),
		peers.After("link", "route", "conntrack"),
	}
}

func every(interval time.Duration, c check.Check) check.Check {
	c.Interval = interval
	return c
}

// knows is what the rest of the agent knows of the cluster. It is asked by looks, when everything is wired.
func (a *agent) knows() network.Cluster {
	return network.Cluster{
		Address:    func() netip.Addr { return nodeAddress(a.kube.LocalIP()) },
		LastAnswer: func() time.Time { return a.kube.Clock().LastAnswer() },
		Servers:    func() []string { return a.kube.Addresses() },
		Period: func() time.Duration {
			if a.told == nil {
				return heartbeat.DefaultPeriod
			}
			return a.told.Period()
		},
		Peers: func() []netip.AddrPort {
			if a.told == nil {
				return nil
			}
			return a.told.Peers()
		},
	}
}

// nodeAddress is HOST_IP, which a DaemonSet sets, else our end of the connection to the API server.
func nodeAddress(local netip.Addr) netip.Addr {
	if address, err := netip.ParseAddr(os.Getenv("HOST_IP")); err == nil {
		return address
	}
	return local
}
