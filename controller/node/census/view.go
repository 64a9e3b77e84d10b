package census

import (
	"context"
	"sync"
	"time"
)

// maxAge is how old our view may be. A fresh pulse is 0.5 s old at most, plus the way there and back.
const maxAge = 2 * time.Second

// lookEvery is how often the view is looked at even if nobody asks: often enough to notice a break of maxAge.
const lookEvery = 250 * time.Millisecond

// view is how fresh what we see is. It is looked at every lookEvery; a break between two looks cannot be missed,
// because a process that did not get to look for longer than maxAge counts that as a break too.
type view struct {
	pulse Pulse

	mu       sync.Mutex // guards everything below
	newest   time.Time  // the newest pulse seen at the last look
	since    time.Time  // since when the view has been fresh without a break; zero: it is not
	everSeen bool
}

// look returns since when the view has been fresh without a break; zero if it is not.
func (v *view) look(now time.Time) time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	fresh := v.pulse.FreshAt()
	if now.Sub(v.newest) > maxAge { // nothing vouches for the time since the last look
		v.since = time.Time{}
	}
	v.newest = fresh
	if fresh.IsZero() || now.Sub(fresh) > maxAge {
		v.since = time.Time{}
		return v.since
	}
	v.everSeen = true
	if v.since.IsZero() {
		v.since = now
	}
	return v.since
}

// blind says why the view is not to be trusted; empty if it is. settle is how long it must have been fresh.
// The sentences name no moving number, so that a status which shows them does not change by the second.
func (v *view) blind(now time.Time, settle time.Duration) string {
	since := v.look(now)
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case since.IsZero() && !v.everSeen:
		return "our own pulse has not yet come back through the watch"
	case since.IsZero():
		return "our own pulse has not come back through the watch for more than " + maxAge.String()
	case now.Sub(since) < settle:
		return "our view is fresh again, and must stay so for " + settle.String()
	}
	return ""
}

// watchView looks often, and tells when we go blind or see again.
func (c *Census) watchView(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	last := ""
	for {
		if blind := c.Blind(time.Now()); blind != last {
			last = blind
			c.signal()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Blind says why our view is not to be trusted at now; empty if it is.
func (c *Census) Blind(now time.Time) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blind(now)
}

// blind needs mu. A census that has not listed everything once has seen part of a cluster, and would take the rest for
// deleted.
func (c *Census) blind(now time.Time) string {
	why := c.view.blind(now, c.settle())
	if why == "" && !(c.nodes.Synced() && c.healths.Synced() && c.kubelets.Synced()) {
		why = "the Nodes, their NodeHealths and their kubelets' Leases have not been listed yet"
	}
	return why
}

// settle is SilentAfter + 2 intervals: 5 s at a beat every second. Needs mu.
func (c *Census) settle() time.Duration {
	missed := c.book.policy.MissedBeats
	return time.Duration(missed+2) * c.o.Period(len(c.facts))
}
