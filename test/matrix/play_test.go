//go:build matrix

package matrix

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	daemons "github.com/bulkhead-dev/bulkhead/test/bed/lab"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// A cell is one way to break one thing.
type cell struct {
	node, check, fault string
	// harm does it, mend undoes it. Commands are run by bash on the node.
	harm, mend string
	// verb is a fault of the test cluster, instead of harm, and its arguments; back undoes it.
	verb, back []string
	// state and reason are what must be believed in the end. Restarting must never become Unhealthy.
	state  v1alpha1.CheckState
	reason v1alpha1.Reason
	// within bounds the time until then; default 15 s.
	within time.Duration
	// also are the checks that may be lit as well, on this node or, as node/check, on another.
	also []string
	// passing says that the daemon comes back by itself, so fast that nothing need be seen; it must never be Unhealthy.
	passing bool
	// cutOff is for a node that cannot report while it is broken: how long that is. What it found arrives afterwards.
	cutOff time.Duration
	// told says that the fault is told at once: it must be seen sooner than polls would confirm it.
	told bool
}

// play plays one cell from a state in which nothing is lit on its node.
func play(t *testing.T, l *lab, c cell) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	row := row{cell: c}
	defer func() {
		row.failed = t.Failed()
		theTable.add(row)
	}()
	if c.check == "netfilter" {
		l.settledProxy(ctx, t, c.node)
	}
	l.fresh(ctx, t, c.node, c.check)

	others := l.guard(ctx, c)
	broken := l.harm(ctx, t, c)
	if c.passing {
		require.NoError(t, l.view.Always(ctx, passes, func(observe.State) error { return nil })) // the guard watches
		row.cleared = l.cleared(ctx, t, c).Sub(broken)
		require.NoError(t, others())
		return
	}
	var mended time.Time
	if c.cutOff > 0 {
		time.Sleep(c.cutOff) // this is how long the harm lasts
		mended = l.mend(ctx, t, c)
	}
	row.seen = l.first(ctx, t, c).Sub(broken)
	row.believed = l.believed(ctx, t, c).Sub(broken)
	if c.cutOff > 0 { // the agent's own word when
		row.seen, row.believed = 0, l.view.Now().Check(c.node, c.check).Since.Sub(broken)
	}
	if c.told {
		require.Less(t, row.seen, time.Second, "the kernel or the daemon tells of it")
	}
	if c.cutOff == 0 {
		mended = l.mend(ctx, t, c)
	}
	row.cleared = l.cleared(ctx, t, c).Sub(mended)
	require.NoError(t, others())
	t.Logf("%s %s on %s: seen after %s, %s after %s, cleared after %s", c.check, c.fault, c.node,
		ms(row.seen), c.state, ms(row.believed), ms(row.cleared))
}

// fresh begins a cell with an agent that knows nothing of the cells before.
func (l *lab) fresh(ctx context.Context, t *testing.T, node string, checks ...string) {
	t.Helper()
	require.NoError(t, daemons.FreshAgent(ctx, l.bed, l.view, node))
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	_, err := l.view.Until(ctx, "every check that "+node+" was made for", func(s observe.State) error {
		for _, check := range append(checks, expected[node]...) {
			if s.Check(node, check).State == "" {
				return fmt.Errorf("check %s does not apply to %s", check, node)
			}
		}
		return daemons.Quiet(node)(s)
	})
	require.NoError(t, err)
}

// settledProxy waits until kube-proxy runs for so long that missing rules are no longer excused by its start.
func (l *lab) settledProxy(ctx context.Context, t *testing.T, node string) {
	t.Helper()
	l.bash(ctx, t, node, `until [ $(ps -o etimes= -p $(systemctl show -p MainPID --value kube-proxy)) -gt 47 ]; do sleep 1; done`)
}

func (l *lab) cleared(ctx context.Context, t *testing.T, c cell) time.Time {
	t.Helper()
	at, err := l.view.Until(ctx, "every check of "+c.node+" to be healthy again", daemons.Quiet(c.node))
	require.NoError(t, err)
	return at
}

// guard watches from now on that nothing else is lit on the node. The result ends that and says what was.
func (l *lab) guard(ctx context.Context, c cell) (end func() error) {
	ctx, cancel := context.WithCancel(ctx)
	found := make(chan error, 1)
	go func() {
		found <- l.view.Always(ctx, time.Hour, func(s observe.State) error {
			agent := s.Health(c.node).Agent
			if agent == nil {
				return nil
			}
			for _, one := range agent.Checks {
				switch {
				case one.Name == c.check && (c.passing || c.state == v1alpha1.CheckRestarting) && one.State == v1alpha1.CheckUnhealthy:
					return fmt.Errorf("%s of %s was taken for dead while it restarts: %s", one.Name, c.node, one.Message)
				case c.node == "n2" && one.Name == "calico": // its only peer is n1, whose BIRD is broken meanwhile
				case one.State == v1alpha1.CheckHealthy, one.Name == c.check, slices.Contains(c.also, one.Name):
				case one.ExplainedBy != "":
				default:
					return fmt.Errorf("%s of %s is %s too: %s %s", one.Name, c.node, one.State, one.Reason, one.Message)
				}
			}
			return nil
		})
	}()
	return func() error {
		cancel()
		if err := <-found; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil // asked to end
	}
}

// harm does the harm and returns a moment just before it.
func (l *lab) harm(ctx context.Context, t *testing.T, c cell) time.Time {
	t.Helper()
	if c.verb != nil {
		at, err := l.bed.Fault(ctx, c.verb[0], c.node, c.verb[1:]...)
		require.NoError(t, err)
		t.Cleanup(func() { l.undo(c) })
		return at
	}
	t.Cleanup(func() { l.undo(c) })
	return l.bash(ctx, t, c.node, c.harm)
}

func (l *lab) mend(ctx context.Context, t *testing.T, c cell) time.Time {
	t.Helper()
	if c.back != nil {
		at, err := l.bed.Fault(ctx, c.back[0], c.node, c.back[1:]...)
		require.NoError(t, err)
		return at
	}
	if c.mend == "" {
		return time.Now() // it mends itself
	}
	return l.bash(ctx, t, c.node, c.mend)
}

// undo mends what a failed cell left broken.
func (l *lab) undo(c cell) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	switch {
	case c.back != nil:
		_, _ = l.bed.Fault(ctx, c.back[0], c.node, c.back[1:]...)
	case c.mend != "":
		_, _ = l.bed.Exec(ctx, c.node, "bash", "-c", c.mend)
	}
}

// bash runs commands on a node and returns a moment just before.
func (l *lab) bash(ctx context.Context, t *testing.T, node, commands string) time.Time {
	t.Helper()
	out, err := l.bed.Exec(ctx, node, "bash", "-ec", "date +%s%N; "+commands)
	require.NoError(t, err)
	at, err := daemons.Moment(out)
	require.NoError(t, err)
	return at
}

// first is when the check was first anything but Healthy.
func (l *lab) first(ctx context.Context, t *testing.T, c cell) time.Time {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, c.patience())
	defer cancel()
	at, err := l.view.Until(ctx, c.check+" to be lit", func(s observe.State) error {
		one := s.Check(c.node, c.check)
		if one.State == v1alpha1.CheckHealthy || one.State == "" {
			return fmt.Errorf("%s is %q", c.check, one.State)
		}
		if one.State == v1alpha1.CheckUnknown && c.state != v1alpha1.CheckUnknown {
			return fmt.Errorf("%s is Unknown: %s", c.check, one.Message)
		}
		return nil
	})
	require.NoError(t, err)
	return at
}

// believed is when the check was in the state and for the reason that the cell expects.
func (l *lab) believed(ctx context.Context, t *testing.T, c cell) time.Time {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, c.patience())
	defer cancel()
	at, err := l.view.Until(ctx, fmt.Sprintf("%s to be %s for %s", c.check, c.state, c.reason), func(s observe.State) error {
		one := s.Check(c.node, c.check)
		if one.State != c.state || one.Reason != c.reason {
			return fmt.Errorf("%s is %s for %s: %s", c.check, one.State, one.Reason, one.Message)
		}
		return nil
	})
	require.NoError(t, err)
	return at
}

func (c cell) patience() time.Duration {
	if c.within > 0 {
		return c.within
	}
	return 15 * time.Second
}

func ms(d time.Duration) string { return d.Round(time.Millisecond).String() }
