//go:build matrix

package matrix

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	daemons "github.com/bulkhead-dev/bulkhead/test/bed/lab"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

var quietFor = flag.Duration("quiet", 10*time.Minute, "how long TestQuiet watches")

// TestQuiet lets nodes be busy and well, and expects not one finding: no check that is anything but Healthy on any node,
// for an instant.
func TestQuiet(t *testing.T) {
	l := theLab
	ctx := t.Context()
	blow := func(node string, storms ...daemons.Storm) {
		for _, s := range storms {
			end, err := s.Blow(ctx, l.bed, node)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, end()) })
		}
	}
	require.NoError(t, daemons.Exits(ctx, l.bed, "n3", 10_000))
	t.Cleanup(func() { require.NoError(t, daemons.Exits(context.WithoutCancel(ctx), l.bed, "n3", 0)) })
	blow("n1", daemons.Rules, daemons.Crash, daemons.Containers)
	blow("n2", daemons.Rules, daemons.Crash, daemons.Containers)
	blow("n3", daemons.Rules, daemons.Crash)
	for _, n := range nodes {
		l.fresh(ctx, t, n.Name)
	}
	require.NoError(t, l.view.Always(ctx, *quietFor, func(s observe.State) error {
		for _, n := range nodes {
			agent := s.Health(n.Name).Agent
			if agent == nil {
				return fmt.Errorf("the agent of %s says nothing", n.Name)
			}
			for _, c := range agent.Checks {
				if c.State != v1alpha1.CheckHealthy {
					return fmt.Errorf("%s of %s is %s: %s %s", c.Name, n.Name, c.State, c.Reason, c.Message)
				}
			}
		}
		return nil
	}))
	t.Logf("%s without a finding", *quietFor)
}
