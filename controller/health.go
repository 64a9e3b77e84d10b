package main

import (
	"errors"
	"time"
)

// alive says whether the process answers, which it does by answering.
func alive() error { return nil }

// healthy says whether passes are turning. A standby has none.
func (k *controller) healthy() error {
	if l := k.term.Load(); l != nil {
		return l.Healthy(time.Now())
	}
	return nil
}

// ready says whether this controller could lead. A standby can.
func (k *controller) ready() error {
	if why := k.readiness.Load(); why != nil {
		return errors.New(*why)
	}
	return errors.Join(k.census.Missing()...)
}
