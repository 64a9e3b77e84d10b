package pressure

import (
	"context"
	"errors"
	"fmt"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// Stall looks at how long work waits for memory, disks and the CPU.
type Stall struct {
	paths   host.Paths
	limits  stallLimits
	crossed stallCrossed
}

// stallLimits are shares of the time, in percent; 0 is none.
type stallLimits struct {
	memory, io, cpu int
}

// stallObservation is what the kernel says of each, nil where it says nothing.
type stallObservation struct {
	memory, io, cpu *host.Stalls
}

// stallCrossed remembers which limits were crossed at the last look.
type stallCrossed struct {
	memory, io, cpu bool
}

// Probe reads three small files.
func (s *Stall) Probe(context.Context) ([]check.Finding, error) {
	o, err := s.gather()
	if err != nil {
		return nil, err
	}
	var findings []check.Finding
	findings, s.crossed = judgeStall(o, s.limits, s.crossed)
	return findings, nil
}

// Watch is told by the kernel once work stalls as much as the limits say.
func (s *Stall) Watch(ctx context.Context, changed func()) error {
	return check.Together(s.watch("memory", s.limits.memory), s.watch("io", s.limits.io))(ctx, changed)
}

func (s *Stall) watch(resource string, percent int) check.Watch {
	return func(ctx context.Context, changed func()) error {
		if percent == 0 {
			return check.ErrNotApplicable
		}
		err := s.paths.StallChanges(ctx, host.Trigger{Resource: resource, Percent: percent}, changed)
		if errors.Is(err, host.ErrNoTrigger) { // it will not be possible later either
			return fmt.Errorf("%w: %w", check.ErrNotApplicable, err)
		}
		return err
	}
}

func (s *Stall) gather() (stallObservation, error) {
	var o stallObservation
	for _, one := range []struct {
		resource string
		limit    int
		into     **host.Stalls
	}{
		{"memory", s.limits.memory, &o.memory}, {"io", s.limits.io, &o.io}, {"cpu", s.limits.cpu, &o.cpu},
	} {
		if one.limit == 0 {
			continue
		}
		stalls, err := s.paths.Stalls(one.resource)
		switch {
		case err == nil:
			*one.into = &stalls
		case !errors.Is(err, host.ErrNoPressure):
			return o, fmt.Errorf("reading the pressure on %s: %w", one.resource, err)
		}
	}
	if o == (stallObservation{}) {
		return o, check.ErrNotApplicable
	}
	return o, nil
}

func judgeStall(o stallObservation, l stallLimits, was stallCrossed) (findings []check.Finding, now stallCrossed) {
	if o.memory != nil {
		now.memory = isStalled(o.memory.Full.Avg10, l.memory, was.memory)
	}
	// A single program that copies a disk on an idle node is "all work" too: only a whole minute of it counts.
	if o.io != nil {
		now.io = isStalled(o.io.Full.Avg10, l.io, was.io) && (was.io || isStalled(o.io.Full.Avg60, l.io, false))
	}
	if o.cpu != nil {
		now.cpu = isStalled(o.cpu.Some.Avg60, l.cpu, was.cpu)
	}
	if now.memory {
		findings = append(findings, check.Finding{Reason: v1alpha1.ReasonMemoryStall, Message: fmt.Sprintf(
			"all work waited for memory, more than %d%% of the last 10 s (/proc/pressure/memory, full)", l.memory)})
	}
	if now.io {
		findings = append(findings, check.Finding{Reason: v1alpha1.ReasonIOStall, Message: fmt.Sprintf(
			"all work waited for disks, more than %d%% of the last minute (/proc/pressure/io, full)", l.io)})
	}
	if now.cpu {
		findings = append(findings, check.Finding{Reason: v1alpha1.ReasonCPUStall, Note: true, Message: fmt.Sprintf(
			"work waited for the CPU, more than %d%% of the last minute (/proc/pressure/cpu, some)", l.cpu)})
	}
	return findings, now
}

// isStalled keeps what was stalled so until it is a quarter below the limit.
func isStalled(share float64, limit int, was bool) bool {
	least := float64(limit)
	if was {
		least *= 0.75
	}
	return share >= least
}
