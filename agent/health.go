package main

import (
	"errors"
	"time"
)

// A stall says what no longer turns, "" if everything does.
type stall func(now time.Time) string

// healthy is what /healthz answers. That the agent accepts connections is itself a testimony: the controller dials it
// when the node falls silent.
func healthy(stalls ...stall) func() error {
	return func() error {
		for _, stalled := range stalls {
			if what := stalled(time.Now()); what != "" {
				return errors.New(what)
			}
		}
		return nil
	}
}
