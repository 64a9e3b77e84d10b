// Command isolation measures how long a fault takes to be seen, to be tainted, to have all pods of the node asked to
// leave and to have them Ready elsewhere: with Bulkhead, and by Kubernetes alone, on the same cluster in one run.
//
//	make bench-isolation                     ten runs per fault, about half an hour
//	make bench-isolation ARGS='-runs 2'      a look
//	make bench-isolation ARGS=-write         writes docs/results/isolation.md too
//
// Every run waits for a random moment first, so that it meets beats, looks and the kubelet's renewals in any phase.
// Times are from just before the harm to when a watch brought the change. Controllers run in the control plane's network
// namespace: no fault takes the leader along.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/bulkhead-dev/bulkhead/test/bed"
)

// options are the flags.
type options struct {
	runs       int
	seed       uint64
	faults     string
	kubernetes bool
	write      bool
}

func main() {
	var o options
	flag.IntVar(&o.runs, "runs", 10, "runs per fault")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64N(1e6), "seed of the random moments")
	flag.StringVar(&o.faults, "faults", "", "only faults whose name contains this")
	flag.BoolVar(&o.kubernetes, "kubernetes", true, "measure Kubernetes alone too, which takes seven minutes")
	flag.BoolVar(&o.write, "write", false, "write docs/results/isolation.md")
	flag.Parse()
	os.Exit(bed.Main(bed.Options{Nodes: nodes, Zones: nodes}, func() bool { return false }, func(b *bed.Bed) int {
		if err := run(context.Background(), b, o); err != nil {
			fmt.Fprintln(os.Stderr, "bench-isolation:", err)
			return 1
		}
		return 0
	}))
}

func run(ctx context.Context, b *bed.Bed, o options) error {
	e, err := setUp(ctx, b)
	if err != nil {
		return err
	}
	defer e.close()
	r := &report{seed: o.seed, runs: o.runs, built: b.Built(ctx), byFault: map[string][]times{}, alone: map[string]times{}}
	if o.kubernetes {
		if r.alone, err = e.kubernetesAlone(ctx, chosen(o.faults)); err != nil {
			return err
		}
	}
	if err := e.install(ctx); err != nil {
		return err
	}
	if r.idle, err = e.usage(ctx); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(o.seed, 0))
	for _, f := range chosen(o.faults) {
		for n := range o.runs {
			t, err := e.once(ctx, f, victim(n), random)
			if err != nil {
				return fmt.Errorf("%s, run %d: %w", f.name, n+1, err)
			}
			r.byFault[f.name] = append(r.byFault[f.name], t)
			fmt.Printf("%-18s %2d/%d %s  %s\n", f.name, n+1, o.runs, victim(n), t)
		}
	}
	fmt.Println("\n" + r.text())
	if o.write {
		if err := b.WriteResult("isolation.md", r.markdown()); err != nil {
			return err
		}
	}
	return r.judge()
}

// chosen are the faults whose name contains the word.
func chosen(word string) []fault {
	var out []fault
	for _, f := range faults {
		if strings.Contains(f.name, word) {
			out = append(out, f)
		}
	}
	return out
}
