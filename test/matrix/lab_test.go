//go:build matrix

package matrix

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/test/bed"
	daemons "github.com/bulkhead-dev/bulkhead/test/bed/lab"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// dwell is how long a check must be well again here, so that cells follow each other.
const dwell = 2 * time.Second

// passes is how long a cell watches a fault that passes.
const passes = 6 * time.Second

// nodes are what the cells need.
var nodes = []daemons.Node{
	{Name: "n1", ProxyMode: "iptables", Peer: "n2"},
	{Name: "n2", ProxyMode: "nftables", Peer: "n1"},
	{Name: "n3", ProxyMode: "iptables", Docker: true, CRIO: true},
	{Name: "n4", ProxyMode: "iptables", OVS: true},
}

// expected are the checks that must apply to each node, so that no cell passes because its check looked at nothing.
var expected = map[string][]string{
	"n1": {"containerd", "kubelet", "calico", "netfilter", "disk", "memory", "pids", "stall", "link", "route", "conntrack"},
	"n2": {"containerd", "kubelet", "calico", "netfilter", "disk", "memory", "pids", "stall", "link", "route", "conntrack"},
	"n4": {"containerd", "kubelet", "ovs", "netfilter", "link", "route", "conntrack"},
	"n3": {"crio", "kubelet", "docker", "netfilter", "disk", "memory", "pids", "stall", "link", "route", "conntrack"},
}

// A lab is the cluster with everything on its nodes, and agents that look at it.
type lab struct {
	bed      *bed.Bed
	kube     kubernetes.Interface
	bulkhead client.Interface
	view     *observe.View
}

// values leave the DaemonSet out: its agents could not be restarted for each cell.
const values = `
agent: {nodeSelector: {test.bulkhead.dev/agent: none}}
policy: {mode: DryRun}
`

func newLab(ctx context.Context, b *bed.Bed) (*lab, error) {
	l := &lab{bed: b}
	var err error
	if l.kube, l.bulkhead, err = observe.Clients(); err != nil {
		return nil, err
	}
	if err := b.LoadOurs(ctx); err != nil {
		return nil, err
	}
	if err := daemons.Set(ctx, b, nodes); err != nil {
		return nil, err
	}
	if err := b.Install(ctx, values); err != nil {
		return nil, err
	}
	// Not ctx: the view lives as long as the tests.
	if l.view, err = observe.Start(context.WithoutCancel(ctx), l.kube, l.bulkhead); err != nil {
		return nil, err
	}
	for _, n := range nodes {
		runtime := "auto"
		if n.CRIO {
			runtime = "unix:///run/crio/crio.sock"
		}
		config := fmt.Sprintf("checks: {defaults: {dwell: %s}, pressure: {tokenFile: /opt/bulkhead/token}, runtime: {endpoint: %q}}", dwell, runtime)
		if err := b.InstallHostAgent(ctx, n.Name, config); err != nil {
			return nil, err
		}
	}
	return l, nil
}
