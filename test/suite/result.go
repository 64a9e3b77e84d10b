package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Result is what became of one step.
type Result struct {
	Step     string
	Optional bool
	Passed   int
	Failed   []string
	Skipped  []string // "package test: reason"
	NotRun   string   // why the step was not run at all
	Err      error
	Last     string // the last line it printed, when it failed
	Took     time.Duration
}

// Succeeded says that the step ran and nothing in it failed.
func (r Result) Succeeded() bool { return r.Err == nil && r.NotRun == "" && len(r.Failed) == 0 }

// isSkip: it did not run, or what could not be done here is optional.
func (r Result) isSkip() bool { return r.NotRun != "" || r.Optional && r.Err != nil }

func (r Result) why() string {
	switch {
	case r.NotRun != "":
		return "was not run: " + r.NotRun
	case r.Last != "":
		return "failed: " + r.Last
	default:
		return fmt.Sprintf("failed: %v", r.Err)
	}
}

func (r Result) verdict() string {
	switch {
	case r.isSkip():
		return "SKIPPED"
	case r.Succeeded():
		return "ok"
	default:
		return "FAILED"
	}
}

// conclude prints the closing table and says whether the suite passed.
func conclude(out io.Writer, results []Result, noSkip bool, took time.Duration) bool {
	fmt.Fprintln(out, "\n=== what ran")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STEP\tRESULT\tPASSED\tFAILED\tSKIPPED\tTIME")
	passed, failed, skipped, ok := 0, 0, 0, true
	for _, r := range results {
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\n", r.Step, r.verdict(), r.Passed, len(r.Failed), len(r.Skipped), r.Took.Round(time.Second))
		passed, failed, skipped = passed+r.Passed, failed+len(r.Failed), skipped+len(r.Skipped)
		ok = ok && (r.Succeeded() || r.isSkip()) && !(noSkip && (r.isSkip() || len(r.Skipped) > 0))
	}
	_ = table.Flush() // to a terminal or a pipe: there is nobody left to tell
	for _, r := range results {
		switch {
		case r.isSkip() && r.NotRun != "":
			fmt.Fprintf(out, "skipped %s: %s\n", r.Step, r.NotRun)
		case r.isSkip():
			fmt.Fprintf(out, "this machine cannot: %s %s\n", r.Step, r.why())
		case r.Err != nil && len(r.Failed) == 0:
			fmt.Fprintf(out, "failed %s: %s\n", r.Step, strings.TrimPrefix(r.why(), "failed: "))
		}
		for _, test := range r.Failed {
			fmt.Fprintln(out, "failed", test)
		}
		for _, test := range r.Skipped {
			fmt.Fprintln(out, "skipped", test)
		}
	}
	if !ok && noSkip && failed == 0 {
		fmt.Fprintln(out, "nothing may be skipped here")
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped in %s\n", passed, failed, skipped, took.Round(time.Second))
	return ok
}
