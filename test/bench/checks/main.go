// Command checks measures what looking costs and how soon a fault is told, on a node that runs everything an agent looks
// at.
//
//	make bench-checks                       about a quarter of an hour
//	make bench-checks ARGS='-quick'         fewer repetitions, no storms
//	make bench-checks ARGS=-write           writes docs/results/checks.md too
//	make bench-checks ARGS='-only cost'     one part of it: told, cost or looks
//	make bench-checks ARGS=-keep            leaves the cluster up, to look around
//
// Looks are timed by the agent itself, `bulkhead-agent --once --looks N`: medians, one look after the other. The commands
// are those that the source documents ran, or their nearest, timed by the node's own shell from before the fork to after
// the end. Both run on the same node, one after the other, first as it is, then with 50 000 more nftables rules, then
// with 500 more containers.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/test/bed"
	"github.com/bulkhead-dev/bulkhead/test/bed/lab"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

type options struct {
	quick, write, keep bool
	only               string
}

func main() {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "fewer repetitions and shorter times, no storms")
	flag.BoolVar(&o.write, "write", false, "write docs/results/checks.md")
	flag.BoolVar(&o.keep, "keep", false, "leave the cluster up")
	flag.StringVar(&o.only, "only", "", "measure one part: told, cost or looks")
	flag.Parse()
	if o.write && o.only != "" {
		fmt.Fprintln(os.Stderr, "bench-checks: -write keeps the whole; it cannot be used with -only")
		os.Exit(2)
	}
	os.Exit(bed.Main(bed.Options{Nodes: 2, Zones: 2}, func() bool { return o.keep }, func(b *bed.Bed) int {
		if err := run(context.Background(), b, o); err != nil {
			fmt.Fprintln(os.Stderr, "bench-checks:", err)
			return 1
		}
		return 0
	}))
}

// victim is the node that is measured; the other is its peer.
const victim = "n1"

var nodes = []lab.Node{
	{Name: victim, ProxyMode: "iptables", Peer: "n2", OVS: true, Docker: true},
	{Name: "n2", ProxyMode: "nftables", Peer: victim},
}

// An environment is the cluster, watched.
type environment struct {
	bed      *bed.Bed
	view     *observe.View
	bulkhead client.Interface
	set      time.Time // when every daemon ran
	options
}

const values = `
agent: {nodeSelector: {test.bulkhead.dev/agent: none}}
policy: {mode: DryRun}
`

// agentConfig is the agent's default but for the dwell: repetitions would wait 30 s for a check that is well again.
const agentConfig = "checks: {defaults: {dwell: 1s}, pressure: {tokenFile: /opt/bulkhead/token}}"

func run(ctx context.Context, b *bed.Bed, o options) error {
	kube, bulkhead, err := observe.Clients()
	if err != nil {
		return err
	}
	e := &environment{bed: b, bulkhead: bulkhead, options: o}
	setUp, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := b.LoadOurs(setUp); err != nil {
		return err
	}
	if err := lab.Set(setUp, b, nodes); err != nil {
		return err
	}
	e.set = time.Now()
	if err := b.Install(setUp, values); err != nil {
		return err
	}
	if e.view, err = observe.Start(ctx, kube, bulkhead); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := b.InstallHostAgent(setUp, n.Name, agentConfig); err != nil {
			return err
		}
	}
	r := &report{built: b.Built(ctx)}
	for _, part := range []struct {
		name    string
		measure func(context.Context, *report) error
	}{{"told", e.told}, {"cost", e.cost}, {"looks", e.looks}} {
		if o.only != "" && o.only != part.name {
			continue
		}
		if err := part.measure(ctx, r); err != nil {
			fmt.Println(r.text()) // what was measured is not lost
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	fmt.Println(r.text())
	if !o.write {
		return nil
	}
	return b.WriteResult("checks.md", r.text())
}
