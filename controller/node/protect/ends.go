package protect

import (
	"time"
)

// MaxSkew is how far our clock may differ from the API server's before we stop computing with wall clocks and let a
// window run its full length.
const MaxSkew = 5 * time.Second

// Ends translates the end of a window, written down as a wall-clock time by the API server's clock, into a moment on
// our own monotonic clock. It does so once, at first sight, and counts on from there:
//
//	remaining = clamp(until - serverNow, 0, length)
//
// so a jump of a node's or a controller's clock can make a window end late, never early: a clock that is behind gives at
// most the full length, and when our clock and the server's differ by more than MaxSkew neither is trusted and the full
// length is counted, once per process. The zero Ends is ready for use; it is not safe for concurrent use.
type Ends struct {
	seen map[end]time.Time
}

type end struct {
	id    string
	until int64
}

// Local is when the window called id ends on our clock. now is our clock, serverNow what the API server's Date header
// said about this moment; a zero serverNow means unknown, and the full length is counted.
func (e *Ends) Local(id string, until time.Time, length time.Duration, serverNow, now time.Time) time.Time {
	key := end{id, until.Unix()}
	if at, ok := e.seen[key]; ok {
		return at
	}
	remaining := length
	if skew := now.Sub(serverNow).Abs(); !serverNow.IsZero() && skew <= MaxSkew {
		remaining = min(max(until.Sub(serverNow), 0), length)
	}
	at := now.Add(remaining)
	if e.seen == nil {
		e.seen = map[end]time.Time{}
	}
	e.seen[key] = at
	return at
}

// Keep forgets every window whose id is not kept, so that the memory stays as small as the ledger.
func (e *Ends) Keep(kept func(id string) bool) {
	for k := range e.seen {
		if !kept(k.id) {
			delete(e.seen, k)
		}
	}
}
