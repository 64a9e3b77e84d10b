package check

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// A Row is what one look said, unconfirmed.
type Row struct {
	Name    Name
	State   State
	Reason  v1alpha1.Reason
	Message string
	Took    time.Duration
}

// A Table has one row per check, in their order.
type Table []Row

// Once looks at everything once, in parallel, and waits for no probe longer than its check does.
// There is nothing to confirm a look with, so a single failure shows as Unhealthy.
func Once(ctx context.Context, checks []Check) Table {
	table := make(Table, len(checks))
	var group sync.WaitGroup
	for i, c := range checks {
		group.Go(func() { table[i] = once(ctx, c) })
	}
	group.Wait()
	return table
}

// Repeated looks at one thing after the other, times each: what a look costs once a probe knows its subject and is told of
// changes, as in an agent at work, and nothing else runs beside it. Took is the median; the rest is what the last look said.
func Repeated(ctx context.Context, checks []Check, times int) Table {
	table := make(Table, len(checks))
	for i, c := range checks {
		table[i] = repeated(ctx, c, times)
	}
	return table
}

func repeated(ctx context.Context, c Check, times int) Row {
	watched, cancel := context.WithCancel(ctx)
	defer cancel()
	if w, ok := c.Probe.(Watcher); ok {
		go w.Watch(watched, func() {}) //nolint:errcheck // without it the looks say what they say all the same
	}
	took := make([]time.Duration, times)
	var row Row
	for n := range took {
		row = once(ctx, c)
		took[n] = row.Took
	}
	slices.Sort(took)
	row.Took = took[times/2]
	return row
}

func once(ctx context.Context, c Check) Row {
	running := start(ctx, c, func(any, []byte) {})
	look, _ := running.wait(ctx, c)
	return rowOf(c.Name, look, time.Since(running.started))
}

func rowOf(name Name, look Look, took time.Duration) Row {
	r := Row{Name: name, State: look.State, Took: took}
	switch worst := look.headline(); look.State {
	case Unhealthy, Failing:
		r.Reason, r.Message = worst.Reason, worst.Message
	case Restarting:
		r.Reason, r.Message = v1alpha1.ReasonRestarting, worst.Message
	case Unknown, NotApplicable:
		// The one-look belief knows how to word these.
		b := Belief{}.Observe(look, Check{FailAfter: 1})
		r.Reason, r.Message = b.Reason, b.Message
	case Healthy:
		r.Message = worst.Message
	}
	return r
}

// Worst is the gravest state in the table: Unhealthy, then Unknown, then Restarting, else Healthy.
func (t Table) Worst() State {
	has := map[State]bool{}
	for _, r := range t {
		has[r.State] = true
	}
	for _, s := range []State{Unhealthy, Unknown, Restarting} {
		if has[s] {
			return s
		}
	}
	return Healthy
}

// WriteTo prints the table for people.
func (t Table) WriteTo(w io.Writer) (int64, error) {
	counted := &counter{w: w}
	tab := tabwriter.NewWriter(counted, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "CHECK\tSTATE\tREASON\tMESSAGE\tTOOK")
	for _, r := range t {
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%s\n", r.Name, r.State, dash(string(r.Reason)), dash(r.Message), r.Took.Round(time.Microsecond))
	}
	err := tab.Flush()
	return counted.n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
