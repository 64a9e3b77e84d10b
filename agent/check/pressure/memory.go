package pressure

import (
	"context"
	"errors"
	"fmt"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// podGroups are the control groups of all pods, as the kubelet calls them with and without systemd's help.
var podGroups = []string{"/kubepods.slice", "/kubepods"}

// Memory looks at what is left of it.
type Memory struct {
	source  *source
	paths   host.Paths
	groups  host.ControlGroups
	outside int // percent of the memory outside of pods that is worth a note; 0: none

	looked  bool // the root was looked at, and nested says whether it is one
	nested  bool
	crossed memoryCrossed
}

// memoryObservation is how much is used. The real root control group counts just what /proc/meminfo does, so that
// costs one file a look; only a nested one, where the node is a container itself, has to be asked.
type memoryObservation struct {
	host.Memory
	workingSet uint64 // as the kubelet counts it
	pods       uint64 // all that is charged to pods
	podsKnown  bool
}

// memoryCrossed remembers what was short at the last look.
type memoryCrossed struct {
	kubelet, kernel, outside bool
}

// Probe reads it.
func (m *Memory) Probe(ctx context.Context) ([]check.Finding, error) {
	known := m.source.current(ctx)
	o, err := m.gather()
	if err != nil {
		return nil, err
	}
	var findings []check.Finding
	findings, m.crossed = judgeMemory(o, known.Thresholds, m.outside, m.crossed)
	return m.source.believed(known, findings)
}

// Watch keeps the thresholds fresh.
func (m *Memory) Watch(ctx context.Context, changed func()) error {
	return m.source.follow(ctx, changed)
}

func (m *Memory) gather() (o memoryObservation, err error) {
	if o.Memory, err = m.paths.Memory(); err != nil {
		return o, fmt.Errorf("reading how much memory is left: %w", err)
	}
	if !m.looked {
		if m.nested, err = m.isNested(); err != nil {
			return o, err
		}
		m.looked = true
	}
	o.workingSet = o.WorkingSet()
	if m.nested {
		if o.workingSet, err = m.groups.WorkingSet("/"); err != nil {
			return o, fmt.Errorf("reading how much memory this node's own group uses: %w", err)
		}
	}
	if m.outside == 0 || isBelow(o.used(), m.outside*9/10, o.Total) {
		return o, nil // whatever the pods have of it, the others have less
	}
	o.pods, o.podsKnown, err = m.podMemory()
	return o, err
}

// isNested does without the host's control groups: nearly all nodes have the real root.
func (m *Memory) isNested() (bool, error) {
	if m.groups.Mounted() == nil {
		return m.groups.IsNested()
	}
	return false, nil
}

func (m *Memory) podMemory() (uint64, bool, error) {
	for _, group := range podGroups {
		used, err := m.groups.MemoryUsed(group)
		if errors.Is(err, host.ErrNoGroup) {
			continue
		}
		if err != nil {
			return 0, false, fmt.Errorf("reading how much memory pods use: %w", err)
		}
		return used, true, nil
	}
	return 0, false, nil
}

// used is what cannot be had without swapping.
func (o memoryObservation) used() uint64 { return o.Total - min(o.Total, o.Available) }

func judgeMemory(o memoryObservation, t Thresholds, outside int, was memoryCrossed) (findings []check.Finding, now memoryCrossed) {
	left := o.Total - min(o.Total, o.workingSet)
	now.kubelet = t.Memory.isCrossed(left, o.Total, was.kubelet)
	now.kernel = t.Memory.isCrossed(o.Available, o.Total, was.kernel)
	switch {
	case now.kubelet:
		findings = append(findings, check.Finding{Reason: v1alpha1.ReasonMemoryPressure, Message: fmt.Sprintf(
			"%s of the memory is left; the kubelet evicts below %s", leftOver(left, o.Total), t.Memory)})
	case now.kernel:
		findings = append(findings, check.Finding{Reason: v1alpha1.ReasonMemoryPressure, Message: fmt.Sprintf(
			"%s of the memory is left by the kernel's count, whose own memory the kubelet leaves out; it evicts below %s",
			leftOver(o.Available, o.Total), t.Memory)})
	}
	if was.outside {
		outside = outside * 9 / 10
	}
	// A lower bound: what pods have in files that nobody uses is counted as theirs though it can be had.
	others := o.used() - min(o.used(), o.pods)
	if now.outside = outside > 0 && o.podsKnown && !isBelow(others, outside, o.Total); now.outside {
		findings = append(findings, check.Finding{Reason: v1alpha1.ReasonNonContainerMemory, Note: true, Message: "much of the " +
			"memory is used outside of pods; unless it is reserved, the scheduler does not know of it"})
	}
	return findings, now
}

func isBelow(part uint64, percent int, of uint64) bool {
	return float64(part) < float64(of)*float64(percent)/100
}
