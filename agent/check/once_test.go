package check

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRepeated_TakesTheMedianAndTheLastLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		slow := scripted(func(ctx context.Context) ([]Finding, error) {
			n++
			time.Sleep(time.Duration(n) * time.Millisecond)
			if n == 5 {
				return failingProbe(ctx)
			}
			return nil, nil
		})
		table := Repeated(t.Context(), []Check{New("a", slow)}, 5)
		require.Equal(t, 3*time.Millisecond, table[0].Took)
		require.Equal(t, Unhealthy, table[0].State)
		require.Equal(t, "down", table[0].Message)
	})
}

// A probe that need not ask while it is told of changes is timed as in an agent, where it is told.
func TestRepeated_WatchesWhileItLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTold()
		Repeated(t.Context(), []Check{New("a", d)}, 3)
		synctest.Wait()
		require.EqualValues(t, 3, d.looks.Load())
		require.EqualValues(t, 1, d.watches.Load())
	})
}
