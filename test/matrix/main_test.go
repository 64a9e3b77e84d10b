//go:build matrix

package matrix

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/bed"
)

var (
	keep    = flag.Bool("keep", false, "leave the cluster up")
	results = flag.Bool("results", false, "write docs/results/matrix.md")
)

// Set by TestMain, inside.
var (
	theLab   *lab
	theTable = &table{}
)

func TestMain(m *testing.M) {
	flag.Parse()
	options := bed.Options{Nodes: 4, Zones: 2, Flags: []string{"--nodefs-size=512m"}}
	os.Exit(bed.Main(options, func() bool { return *keep }, func(b *bed.Bed) int {
		ctx, cancel := context.WithTimeout(context.Background(), 6*time.Minute)
		defer cancel()
		l, err := newLab(ctx, b)
		if err != nil {
			fmt.Fprintln(os.Stderr, "setting up:", err)
			return 1
		}
		theLab = l
		built := b.Built(context.Background())
		code := m.Run()
		fmt.Print("\n" + theTable.String())
		if *results && code == 0 {
			if err := b.WriteResult("matrix.md", theTable.markdown(built)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		return code
	}))
}

// TestMatrix plays the cells of all nodes side by side, and those of one node one after the other.
func TestMatrix(t *testing.T) {
	for _, node := range []string{"n1", "n2", "n3", "n4"} {
		t.Run(node, func(t *testing.T) {
			t.Parallel()
			for _, c := range cells {
				if c.node == node {
					t.Run(c.check+"/"+c.fault, func(t *testing.T) { play(t, theLab, c) })
				}
			}
		})
	}
}
