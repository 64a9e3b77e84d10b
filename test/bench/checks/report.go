package main

import (
	"fmt"
	"strings"
	"time"
)

// A report is what was measured.
type report struct {
	built string // the commit of what was measured
	looks []comparison
	told  []latency
	spent []spending
}

func (r *report) text() string {
	var out strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	say("# What looking costs, and how soon a fault is told\n")
	say("Written by `make bench-checks ARGS=-write` at commit %s, %s, on one machine of 2 cores that ran the control plane and", r.built, time.Now().UTC().Format("2006-01-02"))
	say("two nodes. See `test/bench/checks/main.go` for how it is measured.\n")
	say("## A look beside the command the sources ran\n\nMedians. The agent's look runs in its process; the command is forked.\n")
	say("| node | check | look | command | took | ratio |\n| --- | --- | --- | --- | --- | --- |")
	for _, c := range r.looks {
		say("| %s | %s | %s | `%s` | %s | %.0f |", c.load, c.check, c.look, c.command, c.ran.Round(10*time.Microsecond), float64(c.ran)/float64(c.look))
	}
	say("\n## From the fault to the API\n\nFrom the fault to a watch of NodeHealth: the agent's look, its write, the API server's answer and the watch. The moment of")
	say("the fault is taken just before the command that does it, so forking that command counts; for D-Bus it is when systemd")
	say("left the unit's active state.\n")
	say("| told by | fault | repetitions | first finding p50 | p99 | confirmed fast p50 | p99 |\n| --- | --- | --- | --- | --- | --- | --- |")
	for _, l := range r.told {
		say("| %s | %s | %d | %s | %s | %s | %s |", l.name, l.fault, len(l.seen), ms(at(l.seen, 50)), ms(at(l.seen, 99)), ms(at(l.confirmed, 50)), ms(at(l.confirmed, 99)))
	}
	say("\n## What the agent uses, with every check at its default interval\n")
	say("| while | mCPU | RSS, MiB | its own, MiB | wake-ups/s | syscalls/s |\n| --- | --- | --- | --- | --- | --- |")
	for _, s := range r.spent {
		say("| %s | %.2f | %.1f | %.1f | %.1f | %.0f |", s.while, s.milliCPU, float64(s.rss)/1024, float64(s.own)/1024, s.wakeups, s.syscalls)
	}
	return out.String()
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
