package check

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A loop runs one check. Only its own goroutine touches the mutable fields.
type loop struct {
	check  Check
	runner *Runner
	asked  chan struct{}

	absent   int   // looks in a row after which nothing was believed to be there to look at
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

// run looks every interval and when it is asked to. However many events ask, the looks they cause begin MinInterval apart:
// ten a second.
func (l *loop) run(ctx context.Context, beat time.Time) {
	poll := time.NewTimer(time.Until(beat))
	defer poll.Stop()
	later := time.NewTimer(0) // for an event that came too soon after another
	<-later.C
	defer later.Stop()
	var last time.Time // when an event was followed
	for {
		byEvent := true
		select {
		case <-ctx.Done():
			return
		case <-l.asked:
			if early := MinInterval - time.Since(last); early > 0 {
				later.Reset(early)
				continue
			}
		case <-later.C:
		case <-poll.C:
			byEvent = false
		}
		woken := time.Now()
		if byEvent {
			last = woken
			l.confirm(ctx, woken)
		} else {
			l.look(ctx, false)
		}
		poll.Reset(time.Until(woken.Add(untilNext(woken, beat, l.interval()))))
	}
}

// AbsentEvery is how often a check is looked at that ten looks in a row found not to apply, if nothing is told: most of what
// we know of is not on a node, and looking for a daemon that is not there costs more than asking one that is. What comes
// and is not told, as a runtime is that nobody listened to, is found that much later, once.
const AbsentEvery = 10 * time.Second

func (l *loop) interval() time.Duration {
	if l.absent >= 10 {
		return max(l.check.Interval, AbsentEvery)
	}
	return l.check.Interval
}

// untilNext is the time to the next poll. All checks of an agent look on the same beat, so that a quiet machine is woken
// once a second and not twenty times. What looked a little late looks on the beat again next time; what looked out of turn
// comes back to it by waiting an eighth longer, never by looking sooner.
func untilNext(now, beat time.Time, interval time.Duration) time.Duration {
	if now.Before(beat) {
		return beat.Sub(now)
	}
	late := now.Sub(beat) % interval
	if late <= interval/16 {
		return interval - late
	}
	return interval + min(interval-late, interval/8)
}

// confirm looks at each moment of Check.Confirm, counted from an event, for as long as the looks fail. The last of them
// then confirms the failure.
func (l *loop) confirm(ctx context.Context, event time.Time) {
	if len(l.check.Confirm) == 0 {
		l.look(ctx, false)
		return
	}
	for i, at := range l.check.Confirm {
		select {
		case <-time.After(time.Until(event.Add(at))):
		case <-ctx.Done():
			return
		}
		if l.look(ctx, i == len(l.check.Confirm)-1) != Unhealthy {
			return
		}
	}
}

// look runs the probe once and hands on what it said. last says that looks before it failed and that it confirms them.
func (l *loop) look(ctx context.Context, last bool) State {
	if l.isStuck() {
		l.runner.observe(l.check, Look{State: Unknown, Err: ErrOverdue, At: time.Now()}, l.check.patience())
		return Unknown
	}
	running := start(ctx, l.check, l.reportPanic)
	look, ended := running.wait(ctx, l.check)
	if ctx.Err() != nil {
		return Unknown // a look that our own end cut short says nothing
	}
	if !ended {
		l.stuck = running
	}
	look.Fast = last && look.State == Unhealthy
	if l.runner.observe(l.check, look, time.Since(running.started)) == NotApplicable {
		l.absent++
	} else {
		l.absent = 0
	}
	return look.State
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
