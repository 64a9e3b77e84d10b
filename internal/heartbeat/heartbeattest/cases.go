package heartbeattest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

func noLease(t *testing.T, e *env) {
	publisher := e.Publisher(e.node)
	_, err := publisher.Publish(t.Context(), e.beat("a", 1))
	require.ErrorIs(t, err, heartbeat.ErrNoLease)

	e.ensure("uid-1")
	e.publish(publisher, e.beat("a", 1))

	require.NoError(t, e.DeleteLease(t.Context(), e.node))
	_, err = publisher.Publish(t.Context(), e.beat("a", 1))
	require.ErrorIs(t, err, heartbeat.ErrNoLease, "a publisher never makes a lease, not even its own again")
}

func noBeatNoMark(t *testing.T, e *env) {
	e.ensure("uid-1")
	event, _ := e.watch().until(0, "the new lease", anything)
	require.Empty(t, event.Mark)
	require.Equal(t, "uid-1", event.NodeUID)
}

func beatArrivesWhole(t *testing.T, e *env) {
	e.ensure("uid-1")
	v := e.watch()
	v.until(0, "the listing", anything)
	sent := e.beat("a", 7)
	sent.Phase, sent.Next = v1alpha1.PhaseLeaving, 1500*time.Millisecond
	e.publish(e.Publisher(e.node), sent)
	event, _ := v.until(0, "the beat", sequence(7))
	require.Equal(t, sent, event.Beat)
	require.NotEmpty(t, event.Mark)
	require.Equal(t, "uid-1", event.NodeUID)
	require.False(t, event.Listed)
}

func everyBeatIsANewMark(t *testing.T, e *env) {
	e.ensure("uid-1")
	v := e.watch()
	publisher := e.Publisher(e.node)
	marks, seen := map[string]bool{}, 0
	v.until(0, "the listing", anything)
	for range 5 {
		e.publish(publisher, e.beat("a", 1)) // nothing about the beat itself changes
		event, n := v.until(seen, "a beat", func(event heartbeat.Event) bool { return event.Mark != "" && !marks[event.Mark] })
		marks[event.Mark], seen = true, n
	}
	require.Len(t, marks, 5)
}

func periodIsNotABeat(t *testing.T, e *env) {
	e.ensure("uid-1")
	v := e.watch()
	publisher := e.Publisher(e.node)
	require.Zero(t, e.publish(publisher, e.beat("a", 1)), "nothing asked, nothing returned")
	before, n := v.until(0, "the beat", sequence(1))

	require.NoError(t, e.SetPeriod(t.Context(), e.node, 2500*time.Millisecond))
	asked, _ := v.until(n, "the period", func(event heartbeat.Event) bool { return event.Period == 2500*time.Millisecond })
	require.Equal(t, before.Mark, asked.Mark)

	// The publisher knows nothing of the change to its lease, and must get through at once all the same.
	require.Equal(t, 2500*time.Millisecond, e.publish(publisher, e.beat("a", 2)))
	after, _ := v.until(n, "the next beat", sequence(2))
	require.NotEqual(t, before.Mark, after.Mark)
	require.Equal(t, 2500*time.Millisecond, after.Period, "a beat leaves the period as it was")
}

func latestBeatWins(t *testing.T, e *env) {
	e.ensure("uid-1")
	v := e.watch()
	publisher := e.Publisher(e.node)
	for i := range int64(20) {
		e.publish(publisher, e.beat("a", i+1))
	}
	v.until(0, "the last beat", sequence(20))
	last := int64(0)
	for _, event := range v.all() {
		require.GreaterOrEqual(t, event.Beat.Sequence, last, "beats may be skipped, not swapped")
		last = event.Beat.Sequence
	}
}

func anotherHolder(t *testing.T, e *env) {
	e.ensure("uid-1")
	v := e.watch()
	e.publish(e.Publisher(e.node), e.beat("a", 1))
	first, n := v.until(0, "the first holder's beat", sequence(1))
	// The agent was restarted: it counts its beats from the beginning and does not know the first holder's lease.
	e.publish(e.Publisher(e.node), e.beat("b", 1))
	second, _ := v.until(n, "the second holder's beat", func(event heartbeat.Event) bool { return event.Beat.Holder == "b" })
	require.NotEqual(t, first.Mark, second.Mark)
	require.Equal(t, "boot-b", second.Beat.BootID)
}

func listingFirst(t *testing.T, e *env) {
	e.ensure("uid-1")
	publisher := e.Publisher(e.node)
	e.publish(publisher, e.beat("a", 1))
	v := e.watch()
	event, _ := v.until(0, "the listing", anything)
	require.True(t, event.Listed)
	require.Equal(t, int64(1), event.Beat.Sequence)
	e.publish(publisher, e.beat("a", 2))
	event, _ = v.until(0, "the change", sequence(2))
	require.False(t, event.Listed)
}

func reconnectionListsAgain(t *testing.T, e *env) {
	e.ensure("uid-1")
	publisher := e.Publisher(e.node)
	v := e.watch()
	v.until(0, "the first listing", anything)
	e.publish(publisher, e.beat("a", 1))
	changed, n := v.until(0, "a change, so that there is a connection to cut", sequence(1))
	e.Reconnect()
	again, n := v.until(n, "the second listing", func(event heartbeat.Event) bool { return event.Listed })
	require.Equal(t, changed.Mark, again.Mark, "the same beat, so the same mark")
	_, err := publisher.Publish(t.Context(), e.beat("a", 2))
	if err != nil { // its connection may have been cut too
		e.publish(publisher, e.beat("a", 2))
	}
	v.until(n, "a change after the listing", sequence(2))
}

func leaseDeleted(t *testing.T, e *env) {
	e.ensure("uid-1")
	v := e.watch()
	_, n := v.until(0, "the listing", anything)
	require.NoError(t, e.DeleteLease(t.Context(), e.node))
	event, _ := v.until(n, "the end", gone)
	require.Equal(t, heartbeat.Event{Node: e.node, Gone: true}, event)
}

func leaseDeletedUnseen(t *testing.T, e *env) {
	e.ensure("uid-1")
	v := e.watch()
	_, n := v.until(0, "the listing", anything)
	e.Reconnect()
	require.NoError(t, e.DeleteLease(t.Context(), e.node))
	v.until(n, "the end", gone)
}

func newNodeSameName(t *testing.T, e *env) {
	e.ensure("uid-1")
	publisher := e.Publisher(e.node)
	e.publish(publisher, e.beat("a", 1))
	e.ensure("uid-1")
	v := e.watch()
	event, n := v.until(0, "the listing", anything)
	require.NotEmpty(t, event.Mark, "making sure of a lease that is right does not touch it")

	e.ensure("uid-2")
	event, _ = v.until(n, "the new lease", func(event heartbeat.Event) bool { return event.NodeUID == "uid-2" })
	require.Empty(t, event.Mark, "the beats of the earlier Node say nothing of this one")
	e.publish(publisher, e.beat("a", 2))
	v.until(n, "a beat on the new lease", sequence(2))
}

func sourceEnds(t *testing.T, e *env) {
	e.ensure("uid-1")
	v := e.watch()
	v.until(0, "the listing", anything)
	v.stop()
	seen := len(v.all())
	e.publish(e.Publisher(e.node), e.beat("a", 1))
	require.Len(t, v.all(), seen)
	require.NotEmpty(t, e.Source().Name())
}
