package check

import "time"

const (
	// RestartLoopCount restarts within RestartLoopWindow are a fault: a daemon that dies every few minutes is not well,
	// however quickly it comes back. An upgrade that restarts a daemon twice is not.
	RestartLoopCount  = 3
	RestartLoopWindow = 10 * time.Minute

	restartLoopText = "3 times within 10 minutes"
)

// A restartLog remembers when the last restarts were seen. It is an array and not a slice, so that copying a Belief
// copies it.
type restartLog struct {
	last     [RestartLoopCount]time.Time // oldest first
	known    bool                        // seen holds a count
	seen     uint32                      // Look.Restarts of the latest look
	inCredit bool                        // a spell was counted, its increment has not come yet
	isAhead  bool                        // an increment was counted in a failing look, its spell has not come yet
}

// count notes the restarts that a look shows and says whether they make a loop. begins says that a restarting spell
// begins with this look: a restart, unless the count has moved with it.
func (r *restartLog) count(look Look, begins bool) (looped bool) {
	var moved uint32
	if r.known && look.Restarts > r.seen {
		moved = look.Restarts - r.seen
	}
	r.known, r.seen = true, look.Restarts
	r.isAhead = (r.isAhead && look.State != Healthy) || (moved > 0 && look.State == Unhealthy)
	switch {
	case begins && moved == 0 && r.isAhead:
		r.isAhead = false
	case begins && moved == 0:
		moved, r.inCredit = 1, true
	case moved > 0 && r.inCredit:
		moved, r.inCredit = moved-1, false
	}
	for range min(moved, RestartLoopCount) {
		r.note(look.At)
	}
	oldest := r.last[0]
	return moved > 0 && !oldest.IsZero() && look.At.Sub(oldest) <= RestartLoopWindow
}

func (r *restartLog) note(at time.Time) {
	copy(r.last[:], r.last[1:])
	r.last[RestartLoopCount-1] = at
}

// endSpell drops the credit: an increment that comes later belongs to another restart.
func (r *restartLog) endSpell() { r.inCredit = false }
