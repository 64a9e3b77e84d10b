package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A report is what was measured.
type report struct {
	seed    uint64
	runs    int
	built   string // the commit of what was measured
	byFault map[string][]times
	alone   map[string]times
	idle    []consumption
}

// The four times, in the order in which they come.
var columns = []struct {
	name string
	of   func(times) time.Duration
}{
	{"shown", func(t times) time.Duration { return t.shown }},
	{"taint", func(t times) time.Duration { return t.taint }},
	{"all Terminating", func(t times) time.Duration { return t.leaving }},
	{"Ready elsewhere", func(t times) time.Duration { return t.ready }},
}

// rows are the table: per fault median and max, and Kubernetes alone.
func (r *report) rows() [][]string {
	out := [][]string{{"fault", "runs", "", "shown", "taint", "all Terminating", "Ready elsewhere"}}
	for _, f := range faults {
		if runs := r.byFault[f.name]; len(runs) > 0 {
			for _, kind := range []struct {
				name string
				pick func([]time.Duration) time.Duration
			}{{"median", median}, {"max", slices.Max[[]time.Duration]}} {
				row := []string{f.name, fmt.Sprint(len(runs)), kind.name}
				for _, c := range columns {
					row = append(row, seconds(kind.pick(all(runs, c.of))))
				}
				out = append(out, row)
			}
		}
		if t, measured := r.alone[f.name]; measured {
			row := []string{f.name, "1", "Kubernetes alone"}
			for _, c := range columns {
				row = append(row, seconds(c.of(t)))
			}
			out = append(out, row)
		}
	}
	return out
}

func all(runs []times, of func(times) time.Duration) []time.Duration {
	out := make([]time.Duration, len(runs))
	for i, t := range runs {
		out[i] = of(t)
	}
	return out
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	if n := len(d); n%2 == 0 {
		return (d[n/2-1] + d[n/2]) / 2
	}
	return d[len(d)/2]
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// used lists what the programs use while nothing happens.
func (r *report) used() []string {
	slices.SortFunc(r.idle, func(a, b consumption) int { return cmp.Compare(a.name, b.name) })
	var out []string
	for _, c := range r.idle {
		out = append(out, fmt.Sprintf("%s: %.1f MiB RSS, %.1f MiB of it its own and not the program file's, %.2f %% of one core",
			c.name, float64(c.rssWhole)/1024, float64(c.rss)/1024, c.cpu))
	}
	return out
}

func (r *report) text() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, row := range r.rows() {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // into memory
	fmt.Fprintf(&out, "\nseed %d; idle, with every check at 1 s:\n%s\n", r.seed, strings.Join(r.used(), "\n"))
	return out.String()
}

func (r *report) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "# From fault to isolation\n\nWritten by `make bench-isolation ARGS='%s'` (seed %d) at commit %s, %s.\n\n",
		strings.Join(os.Args[1:], " "), r.seed, r.built, time.Now().UTC().Format("2006-01-02"))
	fmt.Fprintf(&out, "One machine of 2 cores ran the control plane and %d nodes, each a zone of its own, two pods on each. Every run began at a\n"+
		"random moment. Times are from just before the fault was injected, by watches: until the fault is shown in NodeHealth\n"+
		"(Kubernetes alone: the node is not Ready), the NoExecute taint is on the node, all its pods are Terminating, and as many are\n"+
		"Ready elsewhere. Detection is at its defaults (3 looks 1 s apart, 3 beats). Kubernetes alone met all faults at once, each on\n"+
		"its own node, with the defaults of kube-controller-manager and 300 s of toleration.\n\n", nodes)
	for i, row := range r.rows() {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(&out, "|%s\n", strings.Repeat(" --- |", len(row)))
		}
	}
	fmt.Fprintf(&out, "\nIdle for %s, with every check at 1 s:\n\n", idleFor)
	for _, line := range r.used() {
		fmt.Fprintf(&out, "- %s\n", line)
	}
	return out.String()
}

// judge compares with what was promised.
func (r *report) judge() error {
	var problems []error
	for _, f := range faults {
		runs := r.byFault[f.name]
		if len(runs) == 0 {
			continue
		}
		taints := all(runs, columns[1].of)
		if m := median(taints); f.phase == oneLook && m > 3500*time.Millisecond {
			problems = append(problems, fmt.Errorf("%s: the taint came after %s in the median, more than 3.5 s", f.name, seconds(m)))
		}
		if m := slices.Max(taints); f.phase == oneRenewal && m > 16*time.Second {
			problems = append(problems, fmt.Errorf("%s: the taint came after up to %s, more than 16 s", f.name, seconds(m)))
		}
	}
	return errors.Join(problems...)
}
