package protect

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

func recorded(t *testing.T) Ledger {
	t.Helper()
	l, _ := Ledger{}.Lead("a").Record(Candidate{Node: "n1", UID: "u1", Zone: "z", BootID: "b", Reason: v1alpha1.ReasonNodeDown, Evidence: "silent:7"}, time.Hour, t0)
	return l
}

func TestLedger_EveryTransitionLeavesTheReceiverAlone(t *testing.T) {
	for name, step := range map[string]func(Ledger) Ledger{
		"Lead":           func(l Ledger) Ledger { return l.Lead("b") },
		"Record":         func(l Ledger) Ledger { n, _ := l.Record(Candidate{UID: "u2"}, time.Hour, t0); return n },
		"Adopt":          func(l Ledger) Ledger { return l.Lead("b").Adopt("1.1") },
		"Cancel":         func(l Ledger) Ledger { return l.Cancel("1.1") },
		"Done":           func(l Ledger) Ledger { return l.Done("1.1", t0) },
		"Forget":         func(l Ledger) Ledger { return l.Forget("u1") },
		"Impose":         func(l Ledger) Ledger { return l.Impose(Isolation{UID: "u9"}) },
		"Prune":          func(l Ledger) Ledger { return l.Prune(t0.Add(time.Hour)) },
		"Releasing":      func(l Ledger) Ledger { return l.Done("1.1", t0).Releasing("u1") },
		"ReleasedByHand": func(l Ledger) Ledger { return l.Done("1.1", t0).ReleasedByHand("u1", t0, time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			l, same := recorded(t), recorded(t)
			changed := step(l)
			require.True(t, l.Equal(same), "the receiver changed")
			require.False(t, changed.Equal(same), "nothing changed")
		})
	}
}

func TestLedger_AnIntentBecomesAnIsolationAndItsPermitStaysSpent(t *testing.T) {
	l := recorded(t)
	require.Equal(t, "1.1", l.Intents[0].Permit)
	l = l.Done("1.1", t0.Add(time.Second))
	require.Empty(t, l.Intents)
	require.Len(t, l.Permits, 1)
	require.Equal(t, 1, l.Times("n1", "b"))
	iso, ok := l.Isolation("u1")
	require.True(t, ok)
	require.Equal(t, v1alpha1.ActionNoExecute, iso.Action)
	require.True(t, iso.InForce())
	l = l.Release("u1")
	require.Empty(t, l.Isolations)
	require.Len(t, l.Permits, 1, "a release does not give the permit back")
}

func TestLedger_PermitIDsAreNotUsedTwiceInAnEpoch(t *testing.T) {
	l := recorded(t).Cancel("1.1").Prune(t0.Add(2 * time.Hour))
	require.Empty(t, l.Permits)
	l, intent := l.Record(Candidate{UID: "u1"}, time.Hour, t0)
	require.Equal(t, "1.2", intent.Permit)
	_, intent = l.Lead("b").Record(Candidate{UID: "u2"}, time.Hour, t0)
	require.Equal(t, "2.1", intent.Permit)
}

func TestLedger_OnlyTheAdoptingEpochOwnsAnIntent(t *testing.T) {
	l := recorded(t).Lead("b")
	require.EqualValues(t, 1, l.Intents[0].Epoch)
	require.EqualValues(t, 2, l.Adopt("1.1").Intents[0].Epoch)
}

func TestLedger_PruneDropsAnUndoneIntentWithItsPermit(t *testing.T) {
	l := recorded(t)
	require.Len(t, l.Prune(t0.Add(time.Hour-1)).Intents, 1)
	require.Empty(t, l.Prune(t0.Add(time.Hour)).Intents)
}

func TestLedger_ForgetReturnsThePermitAndKeepsTheHistory(t *testing.T) {
	l := recorded(t).Done("1.1", t0).Forget("u1")
	require.Empty(t, l.Permits)
	require.Empty(t, l.Isolations)
	require.Equal(t, 1, l.Times("n1", "b"))
	require.Zero(t, l.Times("n1", "another boot"))
	require.Zero(t, l.Prune(t0.Add(HistoryFor)).Times("n1", "b"))
}

func TestLedger_AHandReleaseIsForgottenAfterItsWindow(t *testing.T) {
	l := recorded(t).Done("1.1", t0).ReleasedByHand("u1", t0, time.Minute)
	iso, _ := l.Prune(t0.Add(59 * time.Second)).Isolation("u1")
	require.False(t, iso.InForce())
	require.Empty(t, l.Prune(t0.Add(time.Minute)).Isolations)
}

func TestEnds_LateButNeverEarly(t *testing.T) {
	const length = 30 * time.Minute
	until := t0.Add(length)
	for _, tc := range []struct {
		name           string
		serverNow, now time.Time
		want           time.Duration // from now
	}{
		{name: "clocks agree", serverNow: t0.Add(10 * time.Minute), now: t0.Add(10 * time.Minute), want: 20 * time.Minute},
		{name: "the window is over", serverNow: until.Add(time.Hour), now: until.Add(time.Hour), want: 0},
		{name: "our clock is an hour ahead: the full window", serverNow: t0.Add(10 * time.Minute), now: t0.Add(70 * time.Minute), want: length},
		{name: "our clock is a day behind: the full window", serverNow: t0, now: t0.Add(-24 * time.Hour), want: length},
		{name: "the server's clock was set back: at most the full window", serverNow: t0.Add(-time.Hour), now: t0.Add(-time.Hour), want: length},
		{name: "no Date header was seen: the full window", now: t0.Add(10 * time.Minute), want: length},
		{name: "five seconds apart are believed", serverNow: t0.Add(10 * time.Minute), now: t0.Add(10*time.Minute + 5*time.Second), want: 20 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var e Ends
			at := e.Local("1.1", until, length, tc.serverNow, tc.now)
			require.Equal(t, tc.now.Add(tc.want), at)
			require.Equal(t, at, e.Local("1.1", until, length, tc.serverNow.Add(-time.Hour), tc.now.Add(48*time.Hour)), "counted once, at first sight")
		})
	}
}

func TestEnds_ForgetsWhatIsNotKept(t *testing.T) {
	var e Ends
	e.Local("gone", t0, time.Minute, t0, t0)
	first := e.Local("kept", t0.Add(time.Minute), time.Minute, t0, t0)
	e.Keep(func(id string) bool { return id == "kept" })
	require.Equal(t, first, e.Local("kept", t0.Add(time.Minute), time.Minute, t0, t0.Add(time.Second)))
	require.Equal(t, t0.Add(61*time.Minute), e.Local("gone", t0, time.Minute, time.Time{}, t0.Add(time.Hour)))
}
