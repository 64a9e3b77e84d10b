package check

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// A loop runs one check. Only its own goroutine touches the mutable fields.
type loop struct {
	check  Check
	runner *Runner
	asked  chan struct{}

	stuck    *call // a call that was given up and has not returned
	panicked sync.Once
}

func newLoop(c Check, r *Runner) *loop {
	return &loop{check: c, runner: r, asked: make(chan struct{}, 1)}
}

func (l *loop) ask() {
	select {
	case l.asked <- struct{}{}:
	default: // a look is asked for already
	}
}

// run looks every interval, from a random phase so that the checks of an agent do not all look in the same millisecond.
func (l *loop) run(ctx context.Context) {
	timer := time.NewTimer(rand.N(min(l.check.Interval, time.Second)))
	defer timer.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.asked:
			if early := MinInterval - time.Since(last); early > 0 {
				timer.Reset(early)
				continue
			}
		case <-timer.C:
		}
		last = time.Now()
		timer.Reset(l.check.Interval)
		l.look(ctx)
	}
}

func (l *loop) look(ctx context.Context) {
	if l.isStuck() {
		l.runner.observe(l.check, Look{State: Unknown, Err: ErrOverdue, At: time.Now()}, l.check.patience())
		return
	}
	running := start(ctx, l.check, l.reportPanic)
	look, ended := running.wait(ctx, l.check)
	if ctx.Err() != nil {
		return // a look that our own end cut short says nothing
	}
	if !ended {
		l.stuck = running
	}
	l.runner.observe(l.check, look, time.Since(running.started))
}

// isStuck says whether the last call is still out. The result of one that came back late is dropped: it is old.
func (l *loop) isStuck() bool {
	if l.stuck == nil {
		return false
	}
	select {
	case <-l.stuck.done:
		l.stuck = nil
		return false
	default:
		return true
	}
}

// reportPanic logs the first panic of a check; the belief shows the others.
func (l *loop) reportPanic(value any, stack []byte) {
	l.panicked.Do(func() {
		l.runner.log.Error("probe panicked", "check", l.check.Name, "err", fmt.Errorf("%v", value), "stack", string(stack))
	})
}
