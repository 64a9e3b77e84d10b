package ledgerstore

import (
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// rounding is added to an end of a window when it is written for the first time: the API server's Date counts whole
// seconds, rounded down, and so do the object's times, so that what we write could lie 2 s too early without it.
const rounding = 2 * time.Second

// moment is one instant on two clocks.
type moment struct {
	local  time.Time
	server time.Time // zero: unknown
}

// onServer is the best guess of the server's clock, for times that are for people.
func (m moment) onServer() time.Time {
	if m.server.IsZero() {
		return m.local.Round(0)
	}
	return m.server
}

// times translates between the object's times, by the API server's clock, and ours. It remembers every pair, so that
// a time which was read once is written back as it was, one that we wrote is read back as it was, and no window grows
// by being saved.
type times struct {
	ends  protect.Ends
	wall  map[stamp]metav1.Time // what stands in the object for a time of ours
	local map[stamp]time.Time   // our time for what stands in the object
	inUse map[string]bool       // ids mentioned by the translation under way
}

// stamp is a time, on either clock, with what it is the time of.
type stamp struct {
	id string
	at int64
}

// toWall writes a time of ours down.
func (t *times) toWall(id string, at time.Time, m moment, round time.Duration) metav1.Time {
	wall, known := t.wall[stamp{id, at.UnixNano()}]
	if !known {
		wall = metav1.NewTime(m.onServer().Add(at.Sub(m.local) + round).Truncate(time.Second))
	}
	t.remember(id, at, wall)
	return wall
}

// end reads the end of a window of a known length.
func (t *times) end(id string, until metav1.Time, length time.Duration, m moment) time.Time {
	at, known := t.local[stamp{id, until.Unix()}]
	if !known {
		at = t.ends.Local(id, until.Time, length, m.server, m.local)
	}
	t.remember(id, at, until)
	return at
}

// since reads a beginning that nothing is computed from.
func (t *times) since(id string, wall metav1.Time, m moment) time.Time {
	at, known := t.local[stamp{id, wall.Unix()}]
	if !known {
		at = m.local.Add(wall.Sub(m.onServer()))
	}
	t.remember(id, at, wall)
	return at
}

func (t *times) remember(id string, at time.Time, wall metav1.Time) {
	if t.wall == nil {
		t.wall, t.local = map[stamp]metav1.Time{}, map[stamp]time.Time{}
	}
	if t.inUse == nil {
		t.inUse = map[string]bool{}
	}
	t.wall[stamp{id, at.UnixNano()}], t.local[stamp{id, wall.Unix()}], t.inUse[id] = wall, at, true
}

// forgetUnused drops what the newest translation did not mention, so that the memory stays as small as the ledger.
func (t *times) forgetUnused() {
	maps.DeleteFunc(t.wall, func(s stamp, _ metav1.Time) bool { return !t.inUse[s.id] })
	maps.DeleteFunc(t.local, func(s stamp, _ time.Time) bool { return !t.inUse[s.id] })
	t.ends.Keep(func(id string) bool { return t.inUse[id] })
	t.inUse = nil
}
