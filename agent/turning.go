package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/report"
)

// slack is how far behind its plan a loop may be before we call it stalled. A machine under pressure lets everybody
// wait, and an agent that is killed for it helps nobody.
const slack = 10 * time.Second

// turning notes that every check is looked at in time. A probe that hangs is looked at too: the runner says overdue.
type turning struct {
	*check.Metrics

	mu  sync.Mutex // guards due and absent
	due map[check.Name]time.Time

	absent map[check.Name]bool // believed not to apply, and so looked at seldom

	every map[check.Name]time.Duration
}

func newTurning(list []check.Check, registry prometheus.Registerer) (*turning, error) {
	metrics, err := check.NewMetrics(registry)
	if err != nil {
		return nil, err
	}
	t := &turning{Metrics: metrics, due: map[check.Name]time.Time{}, absent: map[check.Name]bool{}, every: map[check.Name]time.Duration{}}
	for _, c := range list {
		t.every[c.Name] = c.Interval + c.Deadline()
		t.due[c.Name] = time.Now().Add(t.every[c.Name])
	}
	return t, nil
}

// Looked is called by the runner after every look.
func (t *turning) Looked(name check.Name, outcome check.State, took time.Duration) {
	t.Metrics.Looked(name, outcome, took)
	t.mu.Lock()
	defer t.mu.Unlock()
	every := t.every[name]
	if t.absent[name] {
		every += check.AbsentEvery
	}
	t.due[name] = time.Now().Add(every)
}

// Believed is called by the runner after every change of belief.
func (t *turning) Believed(name check.Name, state check.State) {
	t.Metrics.Believed(name, state)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.absent[name] = state == check.NotApplicable
}

func (t *turning) stalled(now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, due := range t.due {
		if late := now.Sub(due); late > slack {
			return fmt.Sprintf("check %s has not been looked at, %s late", name, late.Round(time.Second))
		}
	}
	return ""
}

func stalledBeats(r *report.Report) stall {
	return func(now time.Time) string {
		if late := r.Stalled(now); late > slack {
			return fmt.Sprintf("no beat was tried, %s late", late.Round(time.Second))
		}
		return ""
	}
}
