package check

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// told is a daemon that can be broken, whose kernel tells of it.
type told struct {
	broken  atomic.Bool
	looks   atomic.Int32
	watches atomic.Int32
	events  chan struct{}
	ends    chan error    // ends the watch
	slow    time.Duration // every second look of a broken one
}

func newTold() *told { return &told{events: make(chan struct{}), ends: make(chan error)} }

func (d *told) Probe(ctx context.Context) ([]Finding, error) {
	looks := d.looks.Add(1)
	if d.broken.Load() {
		if looks%2 == 0 {
			time.Sleep(d.slow)
		}
		return failingProbe(ctx)
	}
	return nil, nil
}

func (d *told) Watch(ctx context.Context, changed func()) error {
	d.watches.Add(1)
	for {
		select {
		case <-d.events:
			changed()
		case err := <-d.ends:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// quiet is a check that would not look again by itself for an hour.
func quiet(p Probe) Check {
	c := New("a", p)
	c.Interval = time.Hour
	return c
}

func TestWatch_AnEventIsFollowedAtOnceAndConfirmedInMilliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTold()
		r := run(t, nil, quiet(d))
		<-r.Looked()
		time.Sleep(time.Second)
		d.broken.Store(true)
		d.events <- struct{}{}
		synctest.Wait()
		first := r.Snapshot()[0]
		require.Equal(t, v1alpha1.CheckFailing, first.State)
		require.Equal(t, v1alpha1.ReasonUnitNotActive, first.Reason)
		require.False(t, first.ConfirmedFast)

		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		require.True(t, r.Snapshot()[0].ConfirmedFast)
		require.Equal(t, v1alpha1.CheckFailing, r.Snapshot()[0].State, "three looks within 20 ms are one failure")
		require.EqualValues(t, 4, d.looks.Load())

		d.broken.Store(false)
		time.Sleep(MinInterval)
		d.events <- struct{}{}
		synctest.Wait()
		require.Equal(t, v1alpha1.CheckHealthy, state(r, "a"))
		require.False(t, r.Snapshot()[0].ConfirmedFast)
	})
}

func TestWatch_EventsAreFollowedAtOnceButNotMoreOftenThanEveryTenthOfASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTold()
		r := run(t, nil, quiet(d))
		<-r.Looked()
		time.Sleep(time.Second)
		require.EqualValues(t, 1, d.looks.Load())
		d.events <- struct{}{}
		synctest.Wait()
		require.EqualValues(t, 2, d.looks.Load())
		for range 1000 {
			d.events <- struct{}{}
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		require.LessOrEqual(t, d.looks.Load(), int32(13))
		require.GreaterOrEqual(t, d.looks.Load(), int32(10))
	})
}

func TestWatch_AGoodLookEndsTheConfirmation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTold()
		r := run(t, nil, quiet(d))
		<-r.Looked()
		time.Sleep(time.Second)
		d.broken.Store(true)
		d.events <- struct{}{}
		time.Sleep(10 * time.Millisecond)
		d.broken.Store(false)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, v1alpha1.CheckHealthy, state(r, "a"))
		require.False(t, r.Snapshot()[0].ConfirmedFast)
	})
}

func TestWatch_ManyEventsAreNotManyFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTold()
		c := New("a", d)
		r := run(t, nil, c)
		<-r.Looked()
		d.broken.Store(true)
		for range 1700 { // 1.7 s
			d.events <- struct{}{}
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		require.Equal(t, v1alpha1.CheckFailing, state(r, "a"), "two intervals are not over")
		require.LessOrEqual(t, d.looks.Load(), int32(70), "ten confirmations a second, of three looks each")
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, v1alpha1.CheckUnhealthy, state(r, "a"))
	})
}

func TestWatch_IsStartedAgainAndLooksThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTold()
		r := run(t, nil, quiet(d))
		<-r.Looked()
		time.Sleep(2 * time.Second)
		d.broken.Store(true) // and nobody is told
		d.ends <- errors.New("connection lost")
		time.Sleep(firstRewatch + 100*time.Millisecond)
		synctest.Wait()
		require.EqualValues(t, 2, d.watches.Load())
		require.Equal(t, v1alpha1.CheckFailing, state(r, "a"), "a lost event costs no more than the pause")
		for range 10 {
			select {
			case d.ends <- errors.New("again"):
			case <-time.After(2 * longestRewatch):
			}
		}
		synctest.Wait()
		require.Less(t, d.watches.Load(), int32(13))
	})
}

// a panicking watch must not take the agent along.
type panicking struct{ told }

func (*panicking) Watch(context.Context, func()) error { panic("no such luck") }

func TestWatch_APanicEndsNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, nil, New("a", &panicking{}))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, v1alpha1.CheckHealthy, state(r, "a"))
	})
}

func TestWatch_CountsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrics, err := NewMetrics(prometheus.NewRegistry())
		require.NoError(t, err)
		d := newTold()
		r := run(t, metrics, quiet(d))
		<-r.Looked()
		d.events <- struct{}{}
		d.events <- struct{}{}
		synctest.Wait()
		require.InDelta(t, 2, testutil.ToFloat64(metrics.told.WithLabelValues("a")), 0)
	})
}

func TestUntilNext(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct{ phase, interval, want time.Duration }{
		"on the beat":            {0, time.Second, time.Second},
		"a little late":          {10 * ms, time.Second, 990 * ms},
		"late":                   {200 * ms, time.Second, 1125 * ms},
		"out of turn":            {500 * ms, time.Second, 1125 * ms},
		"just before its turn":   {990 * ms, time.Second, 1010 * ms},
		"before the first beat":  {-300 * ms, time.Second, 300 * ms},
		"a tenth of a second":    {103 * ms, 100 * ms, 97 * ms},
		"half a minute, by half": {15 * time.Second, 30 * time.Second, 33750 * ms},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, untilNext(t0.Add(c.phase), t0, c.interval)) })
	}
}

// Looks of different lengths, after an event that came out of turn: still about a second apart, and each counts.
func TestWatch_LooksAfterAnEventAllCount(t *testing.T) {
	for phase := time.Duration(0); phase < time.Second; phase += 90 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			d := newTold()
			d.slow = 50 * time.Millisecond
			c := New("a", d)
			c.Confirm = nil
			r := run(t, nil, c)
			<-r.Looked()
			time.Sleep(5*time.Second + phase)
			d.broken.Store(true)
			began := time.Now()
			d.events <- struct{}{}
			for state(r, string(c.Name)) != v1alpha1.CheckUnhealthy {
				time.Sleep(time.Millisecond)
				synctest.Wait()
			}
			require.InDelta(t, 2.1, time.Since(began).Seconds(), 0.3, "at phase %s", phase)
		})
	}
}
