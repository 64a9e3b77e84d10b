package check

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// firstRewatch is the pause before a Watch that ended is started again; it doubles up to longestRewatch.
	firstRewatch   = time.Second
	longestRewatch = 30 * time.Second
	// watchedWell is how long a Watch must have lasted for the pause to be short again.
	watchedWell = time.Minute
)

// watch keeps the probe's Watch running, if it has one. Whatever becomes of it, the looks go on.
func (l *loop) watch(ctx context.Context) {
	watcher, ok := l.check.Probe.(Watcher)
	if !ok {
		return
	}
	told := func() {
		l.runner.observer.Told(l.check.Name)
		l.ask()
	}
	keep(ctx, told, func(ctx context.Context, told func()) error { return l.watched(ctx, watcher, told) }, func(pause time.Duration, err error) {
		l.runner.log.Debug("not told of changes for a while", "check", l.check.Name, "again", pause, "err", err)
	})
}

func (l *loop) watched(ctx context.Context, w Watcher, told func()) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		if value := recover(); value != nil {
			l.reportPanic(value, debug.Stack())
			err = fmt.Errorf("the watch panicked: %v", value)
		}
	}()
	return w.Watch(ctx, told)
}

// A Watch is the method of a Watcher.
type Watch func(ctx context.Context, changed func()) error

// Together is a Watch made of several, each started again by itself: that one source of events is gone leaves the
// others. A source that returns ErrNotApplicable is not asked again.
func Together(watches ...Watch) Watch {
	return func(ctx context.Context, changed func()) error {
		var group sync.WaitGroup
		for _, w := range watches {
			group.Go(func() { keep(ctx, changed, w, func(time.Duration, error) {}) })
		}
		group.Wait()
		<-ctx.Done()
		return ctx.Err()
	}
}

// keep starts w again whenever it ends, after a pause that grows.
func keep(ctx context.Context, changed func(), w Watch, ended func(pause time.Duration, err error)) {
	pause := firstRewatch
	for {
		began := time.Now()
		err := w(ctx, changed)
		if ctx.Err() != nil || errors.Is(err, ErrNotApplicable) {
			return
		}
		if time.Since(began) >= watchedWell {
			pause = firstRewatch
		}
		ended(pause, err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, longestRewatch)
		changed() // something may have changed while nobody listened
	}
}
