package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// A note is a line of the summary.
type note struct {
	what string
	took time.Duration
}

func (s *story) say(format string, args ...any) {
	fmt.Fprintf(s.out, "\n[%6.1f s] %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

// note measures, for the summary and at once.
func (s *story) note(what string, took time.Duration) {
	s.notes = append(s.notes, note{what, took})
	fmt.Fprintf(s.out, "           %s: %.2f s\n", strings.TrimSpace(what), took.Seconds())
}

// table shows what anybody would see.
func (s *story) table(ctx context.Context) error {
	shown, err := s.bed.Kubectl(ctx, "get", "nodehealth")
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, "\n           $ kubectl get nodehealth")
	for line := range strings.Lines(strings.TrimRight(shown, "\n")) {
		fmt.Fprint(s.out, "           ", line)
	}
	fmt.Fprintln(s.out)
	return nil
}

// until waits for a condition and gives it a bound of its own.
func (s *story) until(ctx context.Context, bound time.Duration, what string, condition func(observe.State) error) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	return s.view.Until(ctx, what, condition)
}

func (s *story) summary(err error) {
	fmt.Fprintf(s.out, "\n=== measured in this run (window %s; every time from just before the harm was done)\n", window)
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.DiscardEmptyColumns)
	for _, n := range s.notes {
		fmt.Fprintf(table, "%.2f s\t  %s\n", n.took.Seconds(), n.what)
	}
	_ = table.Flush() // to a terminal or a pipe: there is nobody left to tell
	if err != nil {
		fmt.Fprintf(s.out, "\nThe demo FAILED: %v\n", err)
		return
	}
	fmt.Fprint(s.out, `
Everything happened as it should. If the cluster stays up:

  make kubectl ARGS='get nodehealth -o wide'
  bin/cluster fault stop-unit n3 containerd     (bin/cluster fault list: all kinds of harm)
  make cluster-down
`)
}
