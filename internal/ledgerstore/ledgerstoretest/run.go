// Package ledgerstoretest proves that a store keeps the ledger as ledgerstore.Store promises.
package ledgerstoretest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
	"github.com/bulkhead-dev/bulkhead/internal/ledgerstore"
)

// Precision is how far a time may move by being kept: late by up to the 2 s a store adds and 1 s of rounding.
const Precision = 3 * time.Second

// Run proves a store. open is called once per test for an empty ledger; what it returns opens one controller's store
// on that ledger, again and again.
func Run(t *testing.T, empty func(t *testing.T) (open func() ledgerstore.Store)) {
	t.Run("an absent ledger is empty and can be saved once", func(t *testing.T) {
		open := empty(t)
		a, b := open(), open()
		l, seen, err := a.Load(t.Context())
		require.NoError(t, err)
		require.Equal(t, protect.Ledger{}, l)
		_, other, err := b.Load(t.Context())
		require.NoError(t, err)

		_, err = a.Save(t.Context(), l.Lead("a"), seen)
		require.NoError(t, err)
		_, err = b.Save(t.Context(), l.Lead("b"), other)
		require.ErrorIs(t, err, ledgerstore.ErrChanged)
	})

	t.Run("what is saved is loaded by another", func(t *testing.T) {
		open := empty(t)
		want := full(time.Now())
		save(t, open(), want)
		got, _, err := open().Load(t.Context())
		require.NoError(t, err)
		requireSame(t, want, got)
	})

	t.Run("saving again and again does not lengthen a window", func(t *testing.T) {
		open := empty(t)
		want := full(time.Now())
		save(t, open(), want)
		for range 5 {
			s := open()
			l, seen, err := s.Load(t.Context())
			require.NoError(t, err)
			_, err = s.Save(t.Context(), l.Lead("next"), seen)
			require.NoError(t, err)
		}
		got, _, err := open().Load(t.Context())
		require.NoError(t, err)
		got.Epoch, got.Leader, got.Issued = want.Epoch, want.Leader, want.Issued
		requireSame(t, want, got)
	})

	t.Run("of two writers one is told that the ledger changed", func(t *testing.T) {
		open := empty(t)
		a, b := open(), open()
		save(t, a, protect.Ledger{}.Lead("a"))
		l, seen, err := b.Load(t.Context())
		require.NoError(t, err)
		l2, seen2, err := a.Load(t.Context())
		require.NoError(t, err)

		next, err := b.Save(t.Context(), l.Lead("b"), seen)
		require.NoError(t, err)
		_, err = a.Save(t.Context(), l2.Lead("a"), seen2)
		require.ErrorIs(t, err, ledgerstore.ErrChanged)

		_, err = b.Save(t.Context(), l.Lead("b").Lead("b"), next)
		require.NoError(t, err, "the version that Save returned is the newest")
		got, _, err := a.Load(t.Context())
		require.NoError(t, err)
		require.Equal(t, "b", got.Leader)
		require.EqualValues(t, 3, got.Epoch)
	})
}

func save(t *testing.T, s ledgerstore.Store, l protect.Ledger) {
	t.Helper()
	_, seen, err := s.Load(t.Context())
	require.NoError(t, err)
	_, err = s.Save(t.Context(), l, seen)
	require.NoError(t, err)
}

// full is a ledger with something in every field.
func full(now time.Time) protect.Ledger {
	l := protect.Ledger{}.Lead("a")
	window := 30 * time.Minute
	c := func(n string) protect.Candidate {
		return protect.Candidate{Node: n, UID: "uid-" + n, Zone: "z1", BootID: "boot-" + n, Reason: v1alpha1.ReasonNodeDown, Evidence: "silent:" + n}
	}
	l, done := l.Record(c("n1"), window, now.Add(-time.Minute))
	l = l.Done(done.Permit, now.Add(-50*time.Second))
	l, cancelled := l.Record(c("n2"), window, now.Add(-40*time.Second))
	l = l.Cancel(cancelled.Permit)
	l, byHand := l.Record(c("n3"), window, now.Add(-30*time.Second))
	l = l.Done(byHand.Permit, now.Add(-20*time.Second)).ReleasedByHand("uid-n3", now.Add(-10*time.Second), 10*time.Minute)
	l, _ = l.Record(c("n4"), window, now)
	return l.Releasing("uid-n1")
}

// requireSame compares two ledgers; a time may have moved late by Precision, and no end early.
func requireSame(t *testing.T, want, got protect.Ledger) {
	t.Helper()
	require.Len(t, got.Permits, len(want.Permits))
	for i := range want.Permits {
		late(t, want.Permits[i].Ends, got.Permits[i].Ends)
		near(t, want.Permits[i].Spent, got.Permits[i].Spent)
		got.Permits[i].Ends, got.Permits[i].Spent = want.Permits[i].Ends, want.Permits[i].Spent
	}
	require.Len(t, got.Intents, len(want.Intents))
	for i := range want.Intents {
		near(t, want.Intents[i].Recorded, got.Intents[i].Recorded)
		got.Intents[i].Recorded = want.Intents[i].Recorded
	}
	require.Len(t, got.Isolations, len(want.Isolations))
	for i := range want.Isolations {
		near(t, want.Isolations[i].Since, got.Isolations[i].Since)
		require.Equal(t, want.Isolations[i].InForce(), got.Isolations[i].InForce())
		if !want.Isolations[i].InForce() {
			late(t, want.Isolations[i].HandUntil, got.Isolations[i].HandUntil)
		}
		got.Isolations[i].Since, got.Isolations[i].HandUntil = want.Isolations[i].Since, want.Isolations[i].HandUntil
	}
	require.Len(t, got.History, len(want.History))
	for i := range want.History {
		near(t, want.History[i].At, got.History[i].At)
		got.History[i].At = want.History[i].At
	}
	require.Equal(t, want, got)
}

func late(t *testing.T, want, got time.Time) {
	t.Helper()
	moved := got.Sub(want)
	require.True(t, moved >= 0 && moved <= Precision, "an end moved by %s", moved)
}

func near(t *testing.T, want, got time.Time) {
	t.Helper()
	require.InDelta(t, 0, got.Sub(want).Seconds(), Precision.Seconds())
}
