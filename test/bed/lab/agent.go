package lab

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/test/bed"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// FreshAgent restarts the agent that InstallHostAgent put onto the node, so that it forgets the restarts of daemons it has
// seen, and waits until the new one finds everything well.
func FreshAgent(ctx context.Context, b *bed.Bed, view *observe.View, node string) error {
	out, err := b.Exec(ctx, node, "bash", "-ec", "date +%s%N; systemctl restart bulkhead-agent")
	if err != nil {
		return err
	}
	at, err := Moment(out)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err = view.Until(ctx, "a new agent of "+node+" to find everything well", func(s observe.State) error {
		if err := Quiet(node)(s); err != nil {
			return err
		}
		for _, c := range s.Health(node).Agent.Checks {
			if c.Since == nil || c.Since.Time.Before(at) {
				return fmt.Errorf("%s is what the agent before said", c.Name)
			}
		}
		return nil
	})
	return err
}

// Moment reads what `date +%s%N` printed first: a moment just before the rest of a script. The nodes' clock is ours.
func Moment(out string) (time.Time, error) {
	var nanoseconds int64
	if _, err := fmt.Sscan(strings.TrimSpace(out), &nanoseconds); err != nil {
		return time.Time{}, fmt.Errorf("reading when it was done from %q: %w", out, err)
	}
	return time.Unix(0, nanoseconds), nil
}

// Quiet: every check of the node is Healthy.
func Quiet(node string) observe.Condition {
	return func(s observe.State) error {
		agent := s.Health(node).Agent
		if agent == nil || len(agent.Checks) == 0 {
			return fmt.Errorf("the agent of %s says nothing", node)
		}
		for _, c := range agent.Checks {
			if c.State != v1alpha1.CheckHealthy {
				return fmt.Errorf("%s of %s is %s: %s %s", c.Name, node, c.State, c.Reason, c.Message)
			}
		}
		return nil
	}
}
