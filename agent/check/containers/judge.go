package containers

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// Limits are from the configuration; see config.ContainersSubject.
type Limits struct {
	MinPods     int
	LostPercent int
	LostWithin  time.Duration
	LostAfter   time.Duration
	StableAfter time.Duration
	StuckAfter  time.Duration
}

// stuckKinds are what a container can be stuck in, the gravest first.
var stuckKinds = []struct {
	kind   Kind
	reason v1alpha1.Reason
	words  string
}{
	{Gone, v1alpha1.ReasonContainersGone, "are said to run and their processes are gone or zombies"},
	{Unknown, v1alpha1.ReasonContainersUnknown, "are in a state the runtime does not know"},
	{NotStarting, v1alpha1.ReasonContainersNotStarting, "were created and do not start"},
	{Orphaned, v1alpha1.ReasonContainersOrphaned, "run in sandboxes that are not ready"},
}

// judge concludes; doc.go has its table. It is pure.
func judge(s *state, l Limits, now time.Time) []check.Finding {
	var findings []check.Finding
	if f, is := judgeLost(s, l, now); is {
		findings = append(findings, f)
	}
	findings = append(findings, judgeStuck(s, l, now)...)
	if s.dropped > 0 {
		findings = append(findings, check.Finding{Note: true, Message: fmt.Sprintf(
			"there are more containers than are looked at, %d", len(s.containers))})
	}
	return findings
}

func judgeLost(s *state, l Limits, now time.Time) (check.Finding, bool) {
	lost := lostTogether(s, l)
	if !lost.isMany(l) || now.Sub(lost.last) < l.LostAfter {
		return check.Finding{}, false
	}
	return check.Finding{Reason: v1alpha1.ReasonContainersLost, Message: fmt.Sprintf(
		"%d of %d containers, of %d pods, exited within %s and none was started since",
		lost.containers, lost.containers+lost.running, lost.pods, l.LostWithin)}, true
}

// A loss is the largest number of containers that exited together and wait to be started.
type loss struct {
	containers, pods, running int
	last                      time.Time
}

func (lost loss) isMany(l Limits) bool {
	return lost.pods >= l.MinPods && 100*lost.containers > l.LostPercent*(lost.containers+lost.running)
}

// lostTogether looks at exits since anything was last started.
func lostTogether(s *state, l Limits) loss {
	var exits []*container
	var most loss
	for _, c := range s.containers {
		switch {
		case c.state == host.ContainerRunning:
			most.running++
		case s.isLost(c, l):
			exits = append(exits, c)
		}
	}
	if len(exits) < l.MinPods {
		return most
	}
	slices.SortFunc(exits, func(a, b *container) int { return a.since.Compare(b.since) })
	first := 0
	for i, c := range exits {
		for c.since.Sub(exits[first].since) > l.LostWithin {
			first++
		}
		if i-first+1 > most.containers {
			most.containers, most.pods, most.last = i-first+1, podsOf(exits[first:i+1]), c.since
		}
	}
	return most
}

func (s *state) isLost(c *container, l Limits) bool {
	return c.state == host.ContainerExited && c.wasRunning && !c.replaced && c.ranFor >= l.StableAfter &&
		c.since.After(s.lastStart) && s.isReady(c.sandbox)
}

func (s *state) isReady(id string) bool {
	pod := s.sandboxes[id]
	return pod != nil && pod.Ready
}

func podsOf(list []*container) int {
	pods := map[string]bool{}
	for _, c := range list {
		pods[c.sandbox] = true
	}
	return len(pods)
}

func judgeStuck(s *state, l Limits, now time.Time) []check.Finding {
	var stuck map[Kind][]*container
	for _, c := range s.containers {
		kind, since := s.stuckIn(c)
		if kind == "" || now.Sub(since) < l.StuckAfter {
			continue
		}
		if stuck == nil { // as a rule nothing is
			stuck = map[Kind][]*container{}
		}
		stuck[kind] = append(stuck[kind], c)
	}
	var findings []check.Finding
	for _, one := range stuckKinds {
		if pods := podsOf(stuck[one.kind]); pods >= l.MinPods {
			findings = append(findings, check.Finding{Reason: one.reason, Message: fmt.Sprintf(
				"%d containers, of %d pods, %s for over %s", len(stuck[one.kind]), pods, one.words, l.StuckAfter)})
		}
	}
	return findings
}

// stuckIn says what a container is stuck in, if it is, and since when.
func (s *state) stuckIn(c *container) (Kind, time.Time) {
	pod := s.sandboxes[c.sandbox]
	switch {
	case c.replaced || pod == nil:
		return "", time.Time{}
	case c.state == host.ContainerRunning && !c.process.gone.IsZero():
		return Gone, c.process.gone
	case c.state == host.ContainerUnknown:
		return Unknown, c.since
	case c.state == host.ContainerCreated && pod.Ready:
		return NotStarting, c.since
	case c.state == host.ContainerRunning && !pod.Ready:
		return Orphaned, pod.since
	default:
		return "", time.Time{}
	}
}
