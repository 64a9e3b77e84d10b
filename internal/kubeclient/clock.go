package kubeclient

import (
	"net/http"
	"sync"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// A Clock reads the API server's clock off the Date header of its answers. The header counts whole seconds, rounded
// down: ServerNow is behind the server by up to a second and the time the answer travelled, and never ahead, so that
// an end of a window computed with it may come late and not early.
//
// In a cluster of several API servers these are several clocks; the newest answer counts.
type Clock struct {
	mu       sync.Mutex // guards everything below
	date     time.Time  // what the server said
	received time.Time  // when we heard it; carries our monotonic clock
}

// ServerNow is the API server's time at now, false before the first answer. now must carry the monotonic clock, so
// that a jump of our wall clock changes nothing.
func (c *Clock) ServerNow(now time.Time) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.received.IsZero() {
		return time.Time{}, false
	}
	return c.date.Add(now.Sub(c.received)), true
}

// Skew is how far our wall clock is ahead of the API server's, false before the first answer. A perfect clock shows
// up to 1 s and the time the answer travelled.
func (c *Clock) Skew(now time.Time) (time.Duration, bool) {
	server, ok := c.ServerNow(now)
	if !ok {
		return 0, false
	}
	return now.Round(0).Sub(server), true // Round(0) drops the monotonic reading: wall clock against wall clock
}

// LastAnswer is when the API server last answered anything, zero if never.
func (c *Clock) LastAnswer() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.received
}

func (c *Clock) note(header string, now time.Time) {
	date, err := http.ParseTime(header)
	if err != nil {
		return // a proxy without a clock; the next answer may have one
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.date, c.received = date, now
}

func (c *Clock) wrap(next http.RoundTripper) http.RoundTripper { return clockTransport{next, c} }

type clockTransport struct {
	next  http.RoundTripper
	clock *Clock
}

var _ utilnet.RoundTripperWrapper = clockTransport{}

func (t clockTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err == nil {
		t.clock.note(answer.Header.Get("Date"), time.Now())
	}
	return answer, err
}

// WrappedRoundTripper lets client-go find the transport below.
func (t clockTransport) WrappedRoundTripper() http.RoundTripper { return t.next }
