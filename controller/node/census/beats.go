package census

import (
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// What an agent may promise: one that promised a day could never be silent, and one that promised a nanosecond would miss
// a beat, and wake us, at every moment.
const (
	minPromise = 100 * time.Millisecond
	maxPromise = time.Minute
)

// beat is the newest heartbeat of a node, and when we heard it.
type beat struct {
	event heartbeat.Event
	at    time.Time
	// assumed: the beat was there when we first looked, so it may be of any age.
	assumed bool
}

// hear takes an event. It wakes the loop only for what a decision may rest on: a beat like the one before is none.
func (c *Census) hear(e heartbeat.Event) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	old, known := c.beats[e.Node]
	if e.Gone {
		delete(c.beats, e.Node)
		c.signal()
		return
	}
	if e.Beat.Next <= 0 {
		e.Beat.Next = heartbeat.DefaultPeriod
	}
	e.Beat.Next = min(max(e.Beat.Next, minPromise), maxPromise)
	next := beat{event: e, at: now}
	switch {
	case known && old.event.Mark == e.Mark && old.event.NodeUID == e.NodeUID:
		next.at, next.assumed = old.at, old.assumed
	case !known && e.Listed:
		next.assumed = true
	}
	c.beats[e.Node] = next
	if !known || old.isOtherThan(next) || now.Sub(old.at) > old.event.Beat.Next {
		c.signal()
	}
}

// isOtherThan: what the two say differs, their marks aside.
func (b beat) isOtherThan(o beat) bool {
	b.event.Mark, o.event.Mark = "", ""
	b.event.Listed, o.event.Listed = false, false
	return b.event != o.event
}

// of is the beat as a decision sees it. freshSince is since when our view has been fresh, zero if it is not; missed is
// how many missed beats make a node suspect.
//
// After a blind spell every node gets a fresh start: what it missed while we did not look is not held against it. But
// only once we see again, so that a node which fell silent before is not called well in between.
func (b beat) of(uid string, blind bool, freshSince time.Time, missed int, now time.Time) decision.Beat {
	hb := b.event.Beat
	at := b.at
	switch {
	case blind && b.assumed: // of unknown age: just old enough to be shown as Blind, and not as well
		at = now.Add(-time.Duration(missed)*hb.Next - hb.Next/4)
	case !blind && freshSince.After(at):
		at = freshSince
	}
	return decision.Beat{
		Heard: b.event.Mark != "" && b.event.NodeUID == uid,
		At:    at, Next: hb.Next, Mark: b.event.Mark, BootID: hb.BootID, Sequence: hb.Sequence,
		Leaving: hb.Phase == v1alpha1.PhaseLeaving,
	}
}

// renewal is the newest state of a kubelet's own Lease, and when we saw it.
type renewal struct {
	version string
	at      time.Time
}
