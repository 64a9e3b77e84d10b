//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// A table is what the cases expected and what was observed.
type table struct{ rows []row }

type row struct {
	name, controllers, expected, observed string
	took                                  time.Duration
	failed                                bool
}

func (t *table) String() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CASE\tCONTROLLER\tEXPECTED\tOBSERVED\tSECONDS")
	for _, r := range t.rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.1f\n", r.name, r.controllers, r.expected, r.result(), r.took.Seconds())
	}
	_ = w.Flush() // into memory
	return out.String()
}

func (r row) result() string {
	if r.failed {
		return "FAILED"
	}
	return r.observed
}

// markdown is the table with the command and the commit it came from.
func (t *table) markdown(commit string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "# End-to-end cases on real nodes\n\n")
	fmt.Fprintf(&out, "Written by `make test-e2e ARGS=-results` at commit %s, %s, on one machine of 2 cores that ran the control plane\n"+
		"and four nodes. Times are from just before the fault was injected, by watches. The whole case took the seconds of the\n"+
		"last column, clean-up included.\n\n", commit, time.Now().UTC().Format("2006-01-02"))
	fmt.Fprintf(&out, "| case | controller | expected | observed | seconds |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range t.rows {
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %.1f |\n", r.name, r.controllers, r.expected, r.result(), r.took.Seconds())
	}
	return out.String()
}

// seconds writes a time for people.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }
