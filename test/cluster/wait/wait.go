// Package wait polls for conditions. Nothing in the test cluster sleeps for a
// fixed time: a busy machine is waited for, an idle one is not.
package wait

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

const interval = 50 * time.Millisecond

// For calls condition until it returns nil, for at most limit.
func For(ctx context.Context, what string, limit time.Duration, condition func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %s", limit))
	defer cancel()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		err := condition(ctx)
		if err == nil {
			return nil
		}
		var never *neverError
		if errors.As(err, &never) {
			return fmt.Errorf("waiting for %s: %w", what, never.err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; last seen: %w", what, context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// Never marks an error that no waiting will mend.
func Never(err error) error { return &neverError{err} }

type neverError struct{ err error }

func (e *neverError) Error() string { return e.err.Error() }

// Tail returns the last lines of a file, for error messages.
func Tail(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
