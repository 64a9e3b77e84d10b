//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/bulkhead-dev/bulkhead/test/bed"
)

var (
	keep    = flag.Bool("keep", false, "leave the cluster up")
	results = flag.Bool("results", false, "write docs/results/e2e.md")
)

// Set by TestMain, inside.
var (
	theFixture *fixture
	theTable   = &table{}
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(bed.Main(bed.Options{Nodes: 4, Zones: 3}, func() bool { return *keep }, func(b *bed.Bed) int {
		f, err := newFixture(b)
		if err != nil {
			fmt.Fprintln(os.Stderr, "setting up:", err)
			return 1
		}
		theFixture = f
		built := b.Built(context.Background())
		code := m.Run()
		f.stopOutside()
		fmt.Print("\n" + theTable.String())
		if *results && code == 0 {
			if err := b.WriteResult("e2e.md", theTable.markdown(built)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		return code
	}))
}
