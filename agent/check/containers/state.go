package containers

import (
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// notAsked is the exit code of a container that was not asked for it.
const notAsked = -1

// A container is what we remember of one. Moments are our own clock's.
type container struct {
	id, sandbox, name string
	attempt           uint32
	state             host.ContainerState
	began             time.Time // when it was created
	since             time.Time // when it was first seen in its state
	told              time.Time // when an event last moved it
	wasRunning        bool      // by our own eyes
	ranFor            time.Duration
	replaced          bool // another of its name in its sandbox is newer
	exitCode          int
	asked             bool // for more than the list says, since it is in its state
	process           process
}

// A sandbox is what we remember of one.
type sandbox struct {
	host.Sandbox
	since time.Time // when it was first seen ready, or not
}

// A state is all that is remembered. It is moved by lists and events, and touches nothing.
type state struct {
	containers map[string]*container
	sandboxes  map[string]*sandbox
	filled     bool
	lastStart  time.Time
	dropped    int // containers of the last list that there was no room for
}

func newState() *state {
	return &state{containers: map[string]*container{}, sandboxes: map[string]*sandbox{}}
}

// A listing is what the runtime said at one moment.
type listing struct {
	asked      time.Time // before the call: what was told later is newer than the list
	containers []host.Container
	sandboxes  []host.Sandbox
}

// take makes the listing the truth, but for what events told after it was asked for.
func (s *state) take(l listing, now time.Time, room int) {
	s.takeSandboxes(l.sandboxes, now)
	s.dropped = max(0, len(l.containers)-room)
	here := make(map[string]bool, len(l.containers))
	for _, listed := range l.containers {
		here[listed.ID] = true
		known := s.containers[listed.ID]
		switch {
		case known == nil && len(s.containers) < room:
			s.add(listed, now)
		case known != nil && known.told.Before(l.asked):
			known.enter(listed.State, now)
		}
	}
	for id := range s.containers {
		if !here[id] {
			delete(s.containers, id)
		}
	}
	s.markReplaced()
	s.filled = true
}

func (s *state) takeSandboxes(list []host.Sandbox, now time.Time) {
	before := s.sandboxes
	s.sandboxes = make(map[string]*sandbox, len(list))
	for _, listed := range list {
		known := before[listed.ID]
		if known == nil || known.Ready != listed.Ready {
			known = &sandbox{Sandbox: listed, since: now}
		}
		s.sandboxes[listed.ID] = known
	}
}

// add remembers a new one. Its age is taken from the machine's clock once, and never again: a clock may be set.
func (s *state) add(listed host.Container, now time.Time) {
	began := now.Add(-max(0, now.Sub(listed.Created)))
	c := &container{
		id: listed.ID, sandbox: listed.Sandbox, name: listed.Name, attempt: listed.Attempt,
		state: listed.State, began: began, since: now, exitCode: notAsked,
		wasRunning: listed.State == host.ContainerRunning,
	}
	if c.state == host.ContainerCreated {
		c.since = began
	}
	// In the first list everything is new to us, and most of it is old.
	if s.filled && c.state != host.ContainerCreated && began.After(s.lastStart) {
		s.lastStart = began
	}
	s.containers[listed.ID] = c
}

// markReplaced finds, for each name in each sandbox, the newest.
func (s *state) markReplaced() {
	type place struct{ sandbox, name string }
	newest := make(map[place]*container, len(s.containers))
	for _, c := range s.containers {
		at := place{c.sandbox, c.name}
		other := newest[at]
		if other == nil || other.attempt < c.attempt || (other.attempt == c.attempt && other.began.Before(c.began)) {
			newest[at] = c
		}
	}
	for _, c := range s.containers {
		c.replaced = newest[place{c.sandbox, c.name}] != c
	}
}

// enter moves a container to a state, if it is another.
func (c *container) enter(to host.ContainerState, now time.Time) {
	if c.state == to {
		return
	}
	c.state, c.since = to, now
	c.exitCode, c.asked, c.process = notAsked, false, process{}
	switch to {
	case host.ContainerRunning:
		c.wasRunning, c.ranFor = true, 0
	case host.ContainerExited, host.ContainerUnknown:
		c.ranFor = now.Sub(c.began)
	case host.ContainerCreated:
	}
}

// happened moves what an event is about. Those we do not know are in the next list.
func (s *state) happened(e host.ContainerEvent, now time.Time) (known *container) {
	c := s.containers[e.ID]
	if e.Kind == host.ContainerStarted {
		s.lastStart = now
	}
	if c == nil {
		if pod := s.sandboxes[e.ID]; pod != nil && pod.Ready && e.Kind == host.ContainerStopped {
			pod.Ready, pod.since = false, now
		}
		return nil
	}
	c.told = now
	switch e.Kind {
	case host.ContainerStarted:
		c.enter(host.ContainerRunning, now)
	case host.ContainerStopped:
		c.enter(host.ContainerExited, now)
		c.exitCode = e.ExitCode
	case host.ContainerDeleted:
		delete(s.containers, e.ID)
	}
	return c
}
