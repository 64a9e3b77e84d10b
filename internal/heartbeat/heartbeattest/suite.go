// Package heartbeattest proves heartbeat transports: one suite for all of them, and a working one in memory for the
// tests of those who use a transport.
package heartbeattest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// A Transport is one transport under test, with the controller's part of it.
type Transport interface {
	Publisher(node string) heartbeat.Publisher
	Source() heartbeat.Source
	// EnsureLease makes the node's lease for the Node with this UID, as the controller does for a new Node.
	EnsureLease(ctx context.Context, node, uid string) error
	// SetPeriod asks the node's agent for a period.
	SetPeriod(ctx context.Context, node string, period time.Duration) error
	// DeleteLease deletes it, as the cluster does when the Node goes.
	DeleteLease(ctx context.Context, node string) error
	// Reconnect cuts the connections of every Source.
	Reconnect()
}

// patience is how long a delivery may take. Real API servers on a busy machine need some.
const patience = 15 * time.Second

// Run proves one transport. newTransport is called once per case; cases use node names of their own, so that all of
// them may share one real API server.
func Run(t *testing.T, newTransport func(t *testing.T) Transport) {
	cases := map[string]func(t *testing.T, e *env){
		"no lease":                                  noLease,
		"a lease without a beat has no mark":        noBeatNoMark,
		"a beat arrives whole":                      beatArrivesWhole,
		"every beat is a new mark":                  everyBeatIsANewMark,
		"a period is not a beat":                    periodIsNotABeat,
		"the latest beat wins":                      latestBeatWins,
		"another holder takes over":                 anotherHolder,
		"a listing comes first":                     listingFirst,
		"a reconnection lists again":                reconnectionListsAgain,
		"a lease deleted":                           leaseDeleted,
		"a lease deleted while nobody watched":      leaseDeletedUnseen,
		"a new Node of the same name is a new life": newNodeSameName,
		"a Source ends with its context":            sourceEnds,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			transport := newTransport(t)
			run(t, &env{t: t, Transport: transport, node: fmt.Sprintf("n%08x", rand.Uint32())})
		})
	}
}

// env is one case: a transport and a node nobody else uses.
type env struct {
	Transport
	t    *testing.T
	node string
}

func (e *env) ensure(uid string) {
	e.t.Helper()
	require.NoError(e.t, e.EnsureLease(e.t.Context(), e.node, uid))
}

func (e *env) beat(holder string, sequence int64) heartbeat.Heartbeat {
	return heartbeat.Heartbeat{
		Node: e.node, Holder: holder, BootID: "boot-" + holder, Sequence: sequence,
		Phase: v1alpha1.PhaseRunning, Next: time.Second, Address: "10.0.0.1:10298",
	}
}

func (e *env) publish(p heartbeat.Publisher, hb heartbeat.Heartbeat) time.Duration {
	e.t.Helper()
	period, err := p.Publish(e.t.Context(), hb)
	require.NoError(e.t, err)
	return period
}

// A view is what one Source delivered about the node of the case.
type view struct {
	t    *testing.T
	stop context.CancelFunc

	mu     sync.Mutex // guards events
	events []heartbeat.Event
	wake   chan struct{}
}

// watch starts a Source that ends with the test.
func (e *env) watch() *view {
	ctx, cancel := context.WithCancel(e.t.Context())
	v := &view{t: e.t, stop: cancel, wake: make(chan struct{}, 1)}
	done := make(chan error, 1)
	source := e.Source()
	go func() {
		done <- source.Watch(ctx, func(event heartbeat.Event) {
			if event.Node == e.node {
				v.add(event)
			}
		})
	}()
	v.stop = func() {
		cancel()
		select {
		case err := <-done:
			require.NoError(e.t, err)
			done <- nil // stop may be called twice
		case <-time.After(patience):
			e.t.Error("the Source outlived its context")
		}
	}
	e.t.Cleanup(v.stop)
	return v
}

func (v *view) add(event heartbeat.Event) {
	v.mu.Lock()
	v.events = append(v.events, event)
	v.mu.Unlock()
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

func (v *view) all() []heartbeat.Event {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]heartbeat.Event(nil), v.events...)
}

// until waits for an event after the first `after` ones and returns it and how many there were up to it.
func (v *view) until(after int, what string, is func(heartbeat.Event) bool) (heartbeat.Event, int) {
	v.t.Helper()
	deadline := time.After(patience)
	for {
		events := v.all()
		for i := after; i < len(events); i++ {
			if is(events[i]) {
				return events[i], i + 1
			}
		}
		select {
		case <-v.wake:
		case <-deadline:
			require.FailNow(v.t, "not delivered: "+what, "%+v", v.all())
		}
	}
}

func sequence(want int64) func(heartbeat.Event) bool {
	return func(e heartbeat.Event) bool { return !e.Gone && e.Beat.Sequence == want }
}

func anything(heartbeat.Event) bool { return true }

func gone(e heartbeat.Event) bool { return e.Gone }
