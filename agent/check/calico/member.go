package calico

import (
	"context"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// A member is one daemon of Calico.
type member struct {
	*trail
	daemon *daemon.Probe
}

// seen adds to what the daemon's witnesses lead to what its trail shows.
func (m *member) seen(o daemon.Outcome) sighting {
	s := sighting{Outcome: o, process: m.now, isContainerGone: m.isContainerGone()}
	if m.now.PID != 0 {
		s.age = m.now.Age()
	}
	return s
}

// A trail finds a daemon's process, and remembers what is needed to tell the end of a daemon from that of its container.
// It is the daemon probe's door to the process table.
type trail struct {
	*host.Processes
	search  *host.Search
	pattern host.Pattern

	now    host.Process // found by the latest look, alive; zero: none
	last   host.Process // as last found alive
	parent host.Process // last's; zero: not known
	isInit bool         // last was its container's first process
	starts uint32       // processes found, one after the other
}

func newTrail(doors host.Doors, pattern host.Pattern) *trail {
	return &trail{Processes: doors.Processes, search: doors.Processes.Search(), pattern: pattern}
}

// Find gives the process; see host.Search.
func (t *trail) Find(ctx context.Context, _ string) (host.Process, error) {
	t.now = host.Process{}
	p, err := t.search.Find(ctx, t.pattern)
	if err != nil || p.IsZombie() {
		return p, err
	}
	if !p.Is(t.last) {
		t.starts++
		t.isInit = t.IsContainerInit(p.PID)
		t.parent, _ = t.Stat(p.Parent)
	}
	t.now, t.last = p, p
	return p, nil
}

// isContainerGone says that the daemon went together with what would have brought it back.
func (t *trail) isContainerGone() bool {
	if t.last.PID == 0 || t.now.PID != 0 {
		return false
	}
	if t.isInit {
		return true
	}
	if t.parent.PID == 0 {
		return false
	}
	parent, err := t.Now(t.parent)
	return err != nil || parent.IsZombie()
}

func (t *trail) restarts() uint32 { return max(t.starts, 1) - 1 }

// A sighting is what one look saw of one member.
type sighting struct {
	daemon.Outcome
	process         host.Process  // alive; zero: none
	age             time.Duration // of process
	isContainerGone bool          // it went together with its supervisor
}

// isSighted says that it is here, well or ill.
func (s sighting) isSighted() bool { return s.IsWell() || s.process.PID != 0 }
