package check

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// policy: 3 failures in, 3 good looks and 5 s out.
var policy = Check{Name: "x", Interval: time.Second, FailAfter: 3, OKAfter: 3, Dwell: 5 * time.Second}

// aLook makes a look from a letter:
//
//	g good   f failure   r restarting, grace 4 s   u could not tell   n not applicable   + good, and one restart more
//	! failure, and one restart more   s failure, of an answer that did not come in time
func aLook(letter rune, second int, restarts *uint32) Look {
	look := Look{At: t0.Add(time.Duration(second) * time.Second)}
	switch letter {
	case 'g':
		look.State = Healthy
	case '+':
		*restarts++
		look.State = Healthy
	case 's':
		look.State = Unhealthy
		look.Findings = []Finding{{Reason: v1alpha1.ReasonKubeletNotAnswering, Message: "no answer", Slow: true}}
	case 'f', '!':
		if letter == '!' {
			*restarts++
		}
		look.State, look.Findings = Unhealthy, []Finding{{Reason: v1alpha1.ReasonKubeletNotAnswering, Message: "silent"}}
	case 'r':
		look.State = Restarting
		look.Findings = []Finding{{Reason: v1alpha1.ReasonKubeletNotRunning, Message: "activating", Restarting: true, Grace: 4 * time.Second}}
	case 'u':
		look.State, look.Err = Unknown, errors.New("no bus")
	case 'n':
		look.State = NotApplicable
	}
	look.Restarts = *restarts
	return look
}

// letters of what is believed; F failing, R restarting, U unhealthy, ? unknown.
var letters = map[State]string{Healthy: "H", Failing: "F", Unhealthy: "U", Restarting: "R", Unknown: "?", NotApplicable: "n"}

// TestObserve is the specification: one look a second, and under each what is believed after it.
func TestObserve(t *testing.T) {
	for name, c := range map[string]struct{ looks, believed string }{
		"the first good look is believed at once":          {"g", "H"},
		"three failures in a row":                          {"gfff", "HFFU"},
		"one slow answer is not shown":                     {"gsg", "HHH"},
		"the second in a row is, and the first counts":     {"gsss", "HHFU"},
		"another failure after a slow answer":              {"gsff", "HHFU"},
		"a slow answer after another failure":              {"gfss", "HFFU"},
		"slow from the first look on":                      {"sss", "FFU"},
		"a good look between failures starts the row anew": {"gffgfff", "HFFHFFU"},
		"failing from the first look on":                   {"fff", "FFU"},
		"out needs three good looks and the dwell":         {"gfffgggggg", "HFFUUUUUHH"},
		"a failure starts the good row anew":               {"gfffggfggggg", "HFFUUUUUUHHH"},
		"one that could not tell starts the good row anew": {"gfffggguggg", "HFFUUUUUUUH"},
		"unknown after three in a row":                     {"guuu", "HHH?"},
		"unknown at once when nothing was known":           {"ug", "?H"},
		"from unknown to healthy at once":                  {"guuug", "HHH?H"},
		"could not tell does not break a row of failures":  {"gfufuf", "HFFFFU"},
		"nor make one": {"gffuuuuuu", "HFFFF????"},
		"old failures are forgotten once unknown":                 {"gffuuuff", "HFFFF?FF"},
		"and three new ones count":                                {"gffuuufff", "HFFFF?FFU"},
		"not knowing does not clear a fault":                      {"gfffuuuuuuuuuu", "HFFUUUUUUUUUUU"},
		"a restart is shown at once":                              {"gr", "HR"},
		"a restart that comes back in its grace":                  {"grrrgg", "HRRRHH"},
		"a restart that outlasts its grace":                       {"grrrrr", "HRRRRU"},
		"failures in a restart follow three in a row":             {"grfff", "HRRRU"},
		"or the end of the grace":                                 {"grrrrff", "HRRRRUU"},
		"a frozen agent does not end a grace with one look":       {"gr________r", "HR________R"},
		"could not tell does not end a grace":                     {"grruuu", "HRRRR?"},
		"and begins it anew when it was believed":                 {"grruuurrrrr", "HRRRR?RRRRU"},
		"a restart does not clear a fault":                        {"gfffrrrgggggg", "HFFUUUUUUHHHH"},
		"restarting from the first look on":                       {"rrrrr", "RRRRU"},
		"the third restart is a fault":                            {"grgrgr", "HRHRHU"},
		"a start seen while failing is the one that follows":      {"gf!rgrgr", "HFFRHRHU"},
		"the third restart, seen only by the count":               {"g+g+g+", "HHHHHU"},
		"seen both ways it counts once":                           {"gr+gr+g", "HRHHRHH"},
		"three at once":                                           {"g3g", "HUU"},
		"a further restart begins the dwell anew":                 {"grgrgrggg+ggggggg", "HRHRHUUUUUUUUUHHH"},
		"a restart in the first look is not counted":              {"rgrgrg", "RHRHRH"},
		"nothing there":                                           {"nn", "nn"},
		"nothing there, then something":                           {"nng", "nnH"},
		"nothing there, then three failures":                      {"nnfff", "nnFFU"},
		"nothing there, and then it cannot be asked":              {"nnuuuuug", "nnnnnnnH"},
		"an error before nothing was there":                       {"un", "?n"},
		"what was here and is gone could not be told":             {"gnnn", "HHH?"},
		"a fault does not vanish with its subject":                {"gfffnnnn", "HFFUUUUU"},
		"three restarts in more than the window are not a fault":  {"gr*gr*gr", "HRHHRHHR"},
		"could not tell counts no restart of a count it read not": {"gugug", "HHHHH"},
	} {
		t.Run(name, func(t *testing.T) {
			var b Belief
			var restarts uint32
			believed, second := "", 0
			for _, letter := range c.looks {
				second++
				switch letter {
				case '_': // a second without a look
					believed += "_"
					continue
				case '*': // a good look six minutes later
					second, letter = second+360, 'g'
				case '3': // a good look and three restarts
					restarts, letter = restarts+3, 'g'
				}
				b = b.Observe(aLook(letter, second, &restarts), policy)
				believed += letters[b.State]
			}
			require.Equal(t, c.believed, believed, c.looks)
		})
	}
}

func TestObserve_LeavesTheReceiverAsItWas(t *testing.T) {
	var restarts uint32
	b := Belief{}
	for i, letter := range "grgf" {
		b = b.Observe(aLook(letter, i, &restarts), policy)
	}
	before := b
	for i, letter := range "fr+un" {
		_ = b.Observe(aLook(letter, 10+i, &restarts), policy)
	}
	require.Equal(t, before, b)
}

func TestObserve_ShowsReasonAndMessage(t *testing.T) {
	after := func(looks string) Belief {
		var b Belief
		var restarts uint32
		for i, letter := range looks {
			b = b.Observe(aLook(letter, i, &restarts), policy)
		}
		return b
	}
	require.Equal(t, v1alpha1.ReasonKubeletNotAnswering, after("gfff").Reason)
	require.Equal(t, v1alpha1.ReasonRestarting, after("gr").Reason)
	require.Equal(t, "activating", after("gr").Message)
	require.Equal(t, v1alpha1.ReasonKubeletNotRunning, after("grrrrr").Reason, "the fault behind the restart")
	require.Equal(t, v1alpha1.ReasonRestartLoop, after("grgrgr").Reason)
	require.Equal(t, "restarted 3 times within 10 minutes; last seen: activating", after("grgrgr").Message)
	require.Equal(t, v1alpha1.ReasonCheckFailed, after("u").Reason)
	require.Equal(t, "no bus", after("u").Message)
	require.Empty(t, after("gfffgggggg").Reason)
	require.Equal(t, t0.Add(3*time.Second), after("gfffff").Since)

	overdue := Belief{}.Observe(Look{State: Unknown, Err: ErrOverdue, At: t0}, policy)
	require.Equal(t, v1alpha1.ReasonCheckOverdue, overdue.Reason)
}

func TestObserve_AHeadlineChangesAfterThreeLooksAndDoesNotChurn(t *testing.T) {
	failure := func(message string, second int) Look {
		return Look{State: Unhealthy, Findings: []Finding{{Reason: "X", Message: message}}, At: t0.Add(time.Duration(second) * time.Second)}
	}
	var b Belief
	for i := range 3 {
		b = b.Observe(failure("a", i), policy)
	}
	for i := range 20 {
		b = b.Observe(failure([]string{"b", "c"}[i%2], 3+i), policy)
		require.Equal(t, "a", b.Message)
	}
	for i := range 3 {
		b = b.Observe(failure("d", 30+i), policy)
	}
	require.Equal(t, "d", b.Message)
}

func TestObserve_MessagesFitTheAPI(t *testing.T) {
	long := ""
	for range 400 {
		long += "ä\n"
	}
	b := Belief{}.Observe(Look{State: Unknown, Err: errors.New(long), At: t0}, policy)
	require.LessOrEqual(t, len(b.Message), 512)
	require.NotContains(t, b.Message, "\n")
}

// anyLooks draws a history of looks at irregular times.
func anyLooks(t *rapid.T, alphabet string) []Look {
	var restarts uint32
	second := 0
	drawn := rapid.SliceOfN(rapid.SampledFrom([]rune(alphabet)), 0, 60).Draw(t, "looks")
	looks := make([]Look, len(drawn))
	for i, letter := range drawn {
		second += rapid.IntRange(1, 30).Draw(t, "gap")
		looks[i] = aLook(letter, second, &restarts)
	}
	return looks
}

func TestObserve_NotKnowingNeverLeadsIntoOrOutOfUnhealthy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Belief
		for _, look := range anyLooks(t, "ggffffru+n") {
			next := b.Observe(look, policy)
			if look.State == Unknown || look.State == NotApplicable {
				require.Equal(t, b.State == Unhealthy, next.State == Unhealthy)
			}
			b = next
		}
	})
}

func TestObserve_NeverUnhealthyBeforeEnoughBadLooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Belief
		bad := 0
		for _, look := range anyLooks(t, "gffffrrun") { // no counted restarts: those are a fault of their own
			switch look.State {
			case Healthy:
				bad = 0
			case Unhealthy, Failing, Restarting:
				bad++
			case Unknown, NotApplicable: // neither counts nor breaks a row
			}
			next := b.Observe(look, policy)
			if b.State != Unhealthy && next.State == Unhealthy && next.Reason != v1alpha1.ReasonRestartLoop {
				require.GreaterOrEqual(t, bad, policy.FailAfter)
			}
			b = next
		}
	})
}

func TestObserve_UnhealthyEndsOnlyWithGoodLooksInARowAndAfterTheDwell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Belief
		goods := 0
		for _, look := range anyLooks(t, "ggggggfffru+n") {
			if look.State == Healthy {
				goods++
			} else {
				goods = 0
			}
			next := b.Observe(look, policy)
			if b.State == Unhealthy && next.State != Unhealthy {
				require.Equal(t, Healthy, next.State)
				require.GreaterOrEqual(t, goods, policy.OKAfter)
				require.GreaterOrEqual(t, look.At.Sub(b.Since), policy.Dwell)
			}
			b = next
		}
	})
}

func TestObserve_NothingIsConfirmedFastWhileItRestarts(t *testing.T) {
	var restarts uint32
	fast := func(second int) Look { l := aLook('f', second, &restarts); l.Fast = true; return l }
	b := Belief{}.Observe(aLook('g', 0, &restarts), policy).Observe(aLook('r', 1, &restarts), policy).Observe(fast(2), policy)
	require.Equal(t, Restarting, b.State)
	require.False(t, b.Fast)

	b = Belief{}.Observe(aLook('g', 0, &restarts), policy).Observe(fast(1), policy)
	require.Equal(t, Failing, b.State)
	require.True(t, b.Fast)
	require.True(t, b.Observe(aLook('f', 2, &restarts), policy).Fast, "it stands while the failure does")
	require.False(t, b.Observe(aLook('g', 2, &restarts), policy).Fast)
	require.False(t, b.Observe(aLook('r', 2, &restarts), policy).Fast)
}
