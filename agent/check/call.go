package check

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// A call is one run of a probe in a goroutine of its own, so that it may hang.
type call struct {
	done    chan Look // has room for the one result: a call that ends late blocks nobody
	started time.Time
	cancel  context.CancelFunc
}

// start runs the probe. panicked is called, on the probe's goroutine, if it panics.
func start(ctx context.Context, c Check, panicked func(value any, stack []byte)) *call {
	ctx, cancel := context.WithTimeout(ctx, c.Deadline())
	running := &call{done: make(chan Look, 1), started: time.Now(), cancel: cancel}
	go func() {
		defer cancel()
		findings, restarts, err := protected(ctx, c.Probe, panicked)
		running.done <- outcome(findings, err, restarts, time.Now())
	}()
	return running
}

func protected(ctx context.Context, p Probe, panicked func(any, []byte)) (findings []Finding, restarts uint32, err error) {
	defer func() {
		if value := recover(); value != nil {
			panicked(value, debug.Stack())
			findings, err = nil, fmt.Errorf("the probe panicked: %v", value)
		}
	}()
	findings, err = p.Probe(ctx)
	if counter, ok := p.(RestartCounter); ok {
		restarts = counter.Restarts()
	}
	return findings, restarts, err
}

// patience is how long the runner waits for a call. It is longer than the probe's deadline by a tenth of the interval,
// so that a probe which honours its deadline is still heard: with 1 s, 800 ms for the probe and 900 ms for the runner.
func (c Check) patience() time.Duration {
	return min(c.Deadline()+c.Interval/10, c.Interval)
}

// wait gives the look if it comes in time, and ErrOverdue if it does not.
func (r *call) wait(ctx context.Context, c Check) (look Look, ended bool) {
	timer := time.NewTimer(time.Until(r.started.Add(c.patience())))
	defer timer.Stop()
	select {
	case look = <-r.done:
		return r.trusted(look, c), true
	case <-timer.C:
	case <-ctx.Done():
	}
	// Both may be ready when we were not scheduled for a while.
	select {
	case look = <-r.done:
		return r.trusted(look, c), true
	default:
		return Look{State: Unknown, Err: ErrOverdue, At: time.Now()}, false
	}
}

// trusted drops findings that came long after every deadline: whoever waited, the agent was not running in between
// (a frozen node, a starved machine), and "no answer within the deadline" is then true of anybody.
func (r *call) trusted(look Look, c Check) Look {
	faulty := look.State == Unhealthy || look.State == Restarting
	if faulty && look.At.Sub(r.started) > c.patience() {
		return Look{State: Unknown, Err: errAsleep, Restarts: look.Restarts, At: look.At}
	}
	return look
}

// Within bounds a step of a look to a share of the time that is left, in percent. A question to a daemon that ends the
// look has 85: its silence is then told from our own lack of time.
func Within(ctx context.Context, percent int) (context.Context, context.CancelFunc) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)*time.Duration(percent)/100)
}
