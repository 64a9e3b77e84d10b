//go:build matrix

package matrix

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// A row is what came of a cell.
type row struct {
	cell
	seen, believed, cleared time.Duration
	failed                  bool
}

// A table collects rows from nodes that are played side by side.
type table struct {
	mu   sync.Mutex // guards everything below
	rows []row
}

func (t *table) add(r row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, r)
}

func (t *table) sorted() []row {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.SortedStableFunc(slices.Values(t.rows), func(a, b row) int {
		return cmp.Or(strings.Compare(a.check, b.check), strings.Compare(a.node, b.node))
	})
}

func (r row) columns() []string {
	if r.failed {
		return []string{r.check, r.fault, r.node, "FAILED", "", "", "", ""}
	}
	if r.passing {
		return []string{r.check, r.fault, r.node, "nothing, or Restarting", "", "", "", fmt.Sprintf("%.2f", r.cleared.Seconds())}
	}
	seen := "cut off"
	if r.cutOff == 0 {
		seen = fmt.Sprintf("%.3f", r.seen.Seconds())
	}
	return []string{
		r.check, r.fault, r.node, string(r.state), string(r.reason),
		seen, fmt.Sprintf("%.2f", r.believed.Seconds()), fmt.Sprintf("%.2f", r.cleared.Seconds()),
	}
}

var header = []string{"check", "fault", "node", "believed as", "reason", "seen after, s", "believed after, s", "cleared after, s"}

func (t *table) String() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ToUpper(strings.Join(header, "\t")))
	for _, r := range t.sorted() {
		fmt.Fprintln(w, strings.Join(r.columns(), "\t"))
	}
	_ = w.Flush() // into memory
	return out.String()
}

// markdown is the table with the command and the commit it came from.
func (t *table) markdown(commit string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "# What an agent says of each fault\n\n")
	fmt.Fprintf(&out, "Written by `make test-matrix ARGS=-results` at commit %s, %s, on one machine of 2 cores that ran the control\n"+
		"plane, four nodes and the cells of all four side by side. Times are from just before the fault to the change as a\n"+
		"watch of NodeHealth brings it, so they hold the agent's write and the API server's answer. Seen is the first word\n"+
		"of it, Failing or Restarting; believed is the state the policy acts on by default, 3 looks a second apart; cleared is\n"+
		"from the mending, with a dwell of %s instead of 30 s. No other check was lit, but for those that depend on the one\n"+
		"that was broken.\n\n", commit, time.Now().UTC().Format("2006-01-02"), dwell)
	fmt.Fprintf(&out, "| %s |\n|%s\n", strings.Join(header, " | "), strings.Repeat(" --- |", len(header)))
	for _, r := range t.sorted() {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(r.columns(), " | "))
	}
	return out.String()
}
