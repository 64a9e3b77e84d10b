// Command suite is `make test`: it prepares the machine, runs every kind of test this machine can run, one after the
// other and each within a bound, and says at the end what ran, what was skipped and why.
//
//	suite             everything
//	suite unit e2e    these steps only
//	suite --no-skip   as .ci/run does: what is skipped counts as failed
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "suite:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (ok bool, err error) {
	flags := flag.NewFlagSet("suite", flag.ContinueOnError)
	noSkip := flags.Bool("no-skip", false, "count what is skipped as failed")
	bound := flags.Duration("bound", 80*time.Minute, "end the suite after this long; cold it takes about half of that")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	chosen, err := choose(flags.Args())
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *bound, fmt.Errorf("the suite took longer than %s", *bound))
	defer cancel()
	began := time.Now()
	results := runAll(ctx, chosen, out)
	return conclude(out, results, *noSkip, time.Since(began)), nil
}

// runAll runs what prepares the machine, and then both lanes side by side. The results have the order of the steps.
func runAll(ctx context.Context, chosen []Step, out io.Writer) []Result {
	of := func(l Lane) []Step {
		return slices.DeleteFunc(slices.Clone(chosen), func(s Step) bool { return s.Lane != l })
	}
	results := runLane(ctx, of(First), nil, out)
	var mu sync.Mutex // guards out
	var group sync.WaitGroup
	lanes := []Lane{OnCode, OnCluster}
	ran := make([][]Result, len(lanes))
	for i, l := range lanes {
		group.Go(func() {
			lines := &lines{mu: &mu, out: out}
			defer lines.flush()
			ran[i] = runLane(ctx, of(l), results, lines)
		})
	}
	group.Wait()
	return append(results, slices.Concat(ran...)...)
}

// runLane runs steps one after the other and returns their results; before are those of steps they may need.
func runLane(ctx context.Context, lane []Step, before []Result, out io.Writer) []Result {
	var results []Result
	for _, s := range lane {
		result := Result{Step: s.Name}
		if ctx.Err() != nil {
			result.Err = context.Cause(ctx)
		} else if reason := missing(s, slices.Concat(before, results)); reason != "" {
			result.NotRun = reason
		} else {
			fmt.Fprintf(out, "\n=== %s: %s\n", s.Name, s.About)
			result = s.run(ctx, out)
		}
		results = append(results, result)
	}
	return results
}

// choose keeps the order of the list and adds what the chosen steps need.
func choose(names []string) ([]Step, error) {
	if len(names) == 0 {
		return steps, nil
	}
	want := map[string]bool{}
	for _, name := range names {
		if !slices.Contains(stepNames(), name) {
			return nil, fmt.Errorf("there is no step %q; there are %s", name, strings.Join(stepNames(), ", "))
		}
		want[name] = true
	}
	for _, s := range slices.Backward(steps) { // a step needs what comes before it
		for _, needed := range s.Needs {
			want[needed] = want[needed] || want[s.Name]
		}
	}
	return slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return !want[s.Name] }), nil
}

func stepNames() (names []string) {
	for _, s := range steps {
		names = append(names, s.Name)
	}
	return names
}

// missing says why a step cannot be run: what it needs did not succeed.
func missing(s Step, results []Result) string {
	for _, result := range results {
		if slices.Contains(s.Needs, result.Step) && !result.Succeeded() {
			return fmt.Sprintf("it needs %s, which %s", result.Step, result.why())
		}
	}
	return ""
}
