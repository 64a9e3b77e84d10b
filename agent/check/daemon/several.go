package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/bulkhead-dev/bulkhead/agent/check"
)

// An Outcome is what one of several probes of a check found.
type Outcome struct {
	Findings []check.Finding
	Err      error
}

// IsWell says that nothing was found wrong, notes aside.
func (o Outcome) IsWell() bool { return o.Err == nil && !check.IsFaulty(o.Findings) }

// Several looks with all probes at once, so that one daemon's silence takes no time from the others. Each is still used
// by one goroutine at a time; the first by ours, because a new goroutine takes longer than many a look.
func Several(ctx context.Context, probes ...check.Probe) []Outcome {
	outcomes := make([]Outcome, len(probes))
	var group sync.WaitGroup
	for i, p := range slices.Backward(probes) {
		if i == 0 {
			outcomes[i] = look(ctx, p)
			continue
		}
		group.Go(func() { outcomes[i] = look(ctx, p) })
	}
	group.Wait()
	return outcomes
}

// look turns a panic into not knowing: the runner, which does so for a check, cannot see into our goroutines.
func look(ctx context.Context, p check.Probe) (o Outcome) {
	defer func() {
		if value := recover(); value != nil {
			o = Outcome{Err: fmt.Errorf("the look panicked: %v", value)}
		}
	}()
	findings, err := p.Probe(ctx)
	return Outcome{Findings: findings, Err: err}
}

// Join is the result of a check with several parts, the most important part first. What is not on this node counts for
// nothing; a fault counts whatever else could not be told; and of a part that could not be told nothing else is
// concluded than that. Faults come before what is restarting, and notes last.
func Join(outcomes ...Outcome) ([]check.Finding, error) {
	var findings []check.Finding
	var doubts []error
	absent := 0
	for _, o := range outcomes {
		switch {
		case errors.Is(o.Err, check.ErrNotApplicable):
			absent++
		case o.Err != nil:
			doubts = append(doubts, o.Err)
		default:
			findings = append(findings, o.Findings...)
		}
	}
	slices.SortStableFunc(findings, check.Graver)
	switch {
	case absent == len(outcomes):
		return nil, check.ErrNotApplicable
	case len(doubts) > 0 && !check.IsFaulty(findings):
		return nil, errors.Join(doubts...)
	default:
		return findings, nil
	}
}
