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
	ends    chan error // ends the watch
}

func newTold() *told { return &told{events: make(chan struct{}), ends: make(chan error)} }

func (d *told) Probe(ctx context.Context) ([]Finding, error) {
	d.looks.Add(1)
	if d.broken.Load() {
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
