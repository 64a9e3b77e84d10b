package check

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// A scripted probe does what its function says.
type scripted func(ctx context.Context) ([]Finding, error)

func (s scripted) Probe(ctx context.Context) ([]Finding, error) { return s(ctx) }

func healthy(context.Context) ([]Finding, error) { return nil, nil }

func failingProbe(context.Context) ([]Finding, error) {
	return []Finding{{Reason: v1alpha1.ReasonUnitNotActive, Message: "down"}}, nil
}

// run starts a runner in a bubble and ends it with the test.
func run(t *testing.T, observer Observer, checks ...Check) *Runner {
	t.Helper()
	r, err := NewRunner(checks, observer, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { require.ErrorIs(t, r.Run(ctx), context.Canceled) })
	t.Cleanup(func() { cancel(); group.Wait() })
	return r
}

func state(r *Runner, name string) v1alpha1.CheckState {
	for _, s := range r.Snapshot() {
		if s.Name == name {
			return s.State
		}
	}
	return ""
}

func TestRunner_BelievesAFaultAfterThreeLooksASecondApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, nil, New("a", scripted(failingProbe)))
		require.Equal(t, v1alpha1.CheckUnknown, state(r, "a"))
		<-r.Looked()
		time.Sleep(1900 * time.Millisecond)
		require.Equal(t, v1alpha1.CheckFailing, state(r, "a"), "shown at once, and not believed yet")
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		got := r.Snapshot()
		require.Len(t, got, 1)
		require.Equal(t, v1alpha1.CheckUnhealthy, got[0].State)
		require.Equal(t, v1alpha1.ReasonUnitNotActive, got[0].Reason)
		require.Equal(t, "down", got[0].Message)
		require.NotNil(t, got[0].Since)
	})
}

func TestRunner_AStuckProbeIsOverdueDelaysNobodyAndIsNeverStartedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var started, looks atomic.Int32
		r := run(t, nil,
			New("stuck", scripted(func(context.Context) ([]Finding, error) {
				started.Add(1)
				<-release // a read in D state: it does not know of ctx
				return nil, nil
			})),
			New("free", scripted(func(context.Context) ([]Finding, error) { looks.Add(1); return nil, nil })))
		time.Sleep(30 * time.Second)
		synctest.Wait()
		require.EqualValues(t, 1, started.Load())
		require.GreaterOrEqual(t, looks.Load(), int32(29))
		stuck := r.Snapshot()[0]
		require.Equal(t, v1alpha1.CheckUnknown, stuck.State)
		require.Equal(t, v1alpha1.ReasonCheckOverdue, stuck.Reason)

		close(release)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, v1alpha1.CheckHealthy, state(r, "stuck"))
		require.Greater(t, started.Load(), int32(1))
	})
}

func TestRunner_AProbesOwnDeadlineIsAnErrorAndASilentDaemonIsAFinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, nil,
			New("own-deadline", scripted(func(ctx context.Context) ([]Finding, error) { <-ctx.Done(); return nil, ctx.Err() })),
			New("silent-daemon", scripted(func(ctx context.Context) ([]Finding, error) {
				asked, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
				defer cancel()
				<-asked.Done()
				return failingProbe(ctx)
			})))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		got := r.Snapshot()
		require.Equal(t, v1alpha1.CheckUnknown, got[0].State)
		require.Equal(t, v1alpha1.ReasonCheckFailed, got[0].Reason)
		require.Equal(t, v1alpha1.CheckUnhealthy, got[1].State)
	})
}

func TestRunner_APanicIsUnknownAndLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		r, err := NewRunner([]Check{New("a", scripted(func(context.Context) ([]Finding, error) { panic("boom") }))}, nil,
			slog.New(slog.NewTextHandler(&log, nil)))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		require.Error(t, r.Run(ctx))
		got := r.Snapshot()[0]
		require.Equal(t, v1alpha1.CheckUnknown, got.State)
		require.Equal(t, "the probe panicked: boom", got.Message)
		require.Equal(t, 1, strings.Count(log.String(), "probe panicked"+`"`))
	})
}

func TestRunner_LeavesOutWhatDoesNotApplyAndKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, nil, New("z", scripted(healthy)),
			New("none", scripted(func(context.Context) ([]Finding, error) { return nil, ErrNotApplicable })),
			New("a", scripted(healthy)))
		<-r.Looked()
		got := r.Snapshot()
		require.Len(t, got, 2)
		require.Equal(t, "z", got[0].Name)
		require.Equal(t, "a", got[1].Name)
	})
}

func TestRunner_TellsOfChangesAndIsQuietOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sick atomic.Bool
		r := run(t, nil, New("a", scripted(func(ctx context.Context) ([]Finding, error) {
			if sick.Load() {
				return failingProbe(ctx)
			}
			return nil, nil
		})))
		told := func(within time.Duration) int {
			n := 0
			for end := time.After(within); ; {
				select {
				case <-r.Changed():
					n++
				case <-end:
					return n
				}
			}
		}
		require.Equal(t, 1, told(10*time.Second))
		require.Zero(t, told(time.Minute))
		sick.Store(true)
		require.Equal(t, 2, told(time.Minute), "failing, then unhealthy")
	})
}

func TestRunner_CountsRestartsThatLookHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &restartingDaemon{}
		r := run(t, nil, New("a", p))
		<-r.Looked()
		p.restarts.Store(3)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, v1alpha1.ReasonRestartLoop, r.Snapshot()[0].Reason)
	})
}

type restartingDaemon struct{ restarts atomic.Uint32 }

func (*restartingDaemon) Probe(context.Context) ([]Finding, error) { return nil, nil }
func (d *restartingDaemon) Restarts() uint32                       { return d.restarts.Load() }

func TestRunner_AFailureIsExplainedByAFailingDependency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		depends := func(name Name, p scripted, on ...Name) Check {
			c := New(name, p)
			c.DependsOn = on
			return c
		}
		r := run(t, nil,
			depends("runtime", failingProbe),
			depends("between", healthy, "runtime"),
			depends("kubelet", failingProbe, "between"),
			depends("well", healthy, "runtime"),
			depends("alone", failingProbe, "well"))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		explained := map[string]string{}
		for _, s := range r.Snapshot() {
			explained[s.Name] = s.ExplainedBy
		}
		require.Equal(t, map[string]string{"runtime": "", "between": "", "kubelet": "runtime", "well": "", "alone": "runtime"}, explained)
	})
}

func TestRunner_WhatACauseTookAlongIsExplainedUntilItFailsByItself(t *testing.T) {
	for name, c := range map[string]struct {
		stays bool
		state v1alpha1.CheckState
	}{
		"it recovers, a little later": {stays: false, state: v1alpha1.CheckHealthy},
		"it is broken itself":         {stays: true, state: v1alpha1.CheckUnhealthy},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var linkIsDown, routeIsGone atomic.Bool
				link := New("link", scripted(func(ctx context.Context) ([]Finding, error) { return findingIf(ctx, &linkIsDown) }))
				route := New("route", scripted(func(ctx context.Context) ([]Finding, error) { return findingIf(ctx, &routeIsGone) })).After("link")
				link.OKAfter, link.Dwell, route.Dwell = 1, 0, 0
				r := run(t, nil, link, route)
				linkIsDown.Store(true)
				routeIsGone.Store(true)
				time.Sleep(10 * time.Second)
				require.Equal(t, "link", r.Snapshot()[1].ExplainedBy)

				linkIsDown.Store(false)
				routeIsGone.Store(c.stays)
				time.Sleep(1100 * time.Millisecond)
				synctest.Wait()
				require.Equal(t, v1alpha1.CheckHealthy, r.Snapshot()[0].State)
				require.Equal(t, v1alpha1.CheckUnhealthy, r.Snapshot()[1].State, "it takes three good looks")
				require.Equal(t, "link", r.Snapshot()[1].ExplainedBy)
				<-r.Changed()

				time.Sleep(5 * time.Second)
				synctest.Wait()
				require.Equal(t, c.state, r.Snapshot()[1].State)
				require.Empty(t, r.Snapshot()[1].ExplainedBy)
				require.Len(t, r.Changed(), 1, "and that is news")
			})
		})
	}
}

func TestRunner_AFlappingCauseExplainsOnlyWhatItTookAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		link := New("link", scripted(func(ctx context.Context) ([]Finding, error) {
			if looks++; looks%10 == 0 {
				return failingProbe(ctx)
			}
			return nil, nil
		}))
		server := New("apiserver", scripted(failingProbe)).After("link")
		server.Interval = 5 * time.Second
		r := run(t, nil, link, server)
		time.Sleep(time.Minute)
		explained := 0
		for range 600 {
			time.Sleep(time.Second)
			synctest.Wait()
			if r.Snapshot()[1].ExplainedBy != "" {
				explained++
			}
		}
		require.Equal(t, 60, explained, "for as long as the cause was failing, one second in ten")
	})
}

func findingIf(ctx context.Context, broken *atomic.Bool) ([]Finding, error) {
	if broken.Load() {
		return failingProbe(ctx)
	}
	return nil, nil
}

func TestRunner_ExportsMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		metrics, err := NewMetrics(registry)
		require.NoError(t, err)
		run(t, metrics, New("a", scripted(failingProbe)), New("gone", scripted(func(context.Context) ([]Finding, error) { return nil, ErrNotApplicable })))
		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()
		require.GreaterOrEqual(t, testutil.ToFloat64(metrics.looks.WithLabelValues("a", "Unhealthy")), 3.0)
		require.InDelta(t, 1, testutil.ToFloat64(metrics.state.WithLabelValues("a", "Unhealthy")), 0)
		require.InDelta(t, 0, testutil.ToFloat64(metrics.state.WithLabelValues("a", "Unknown")), 0)
		require.Equal(t, 5, testutil.CollectAndCount(metrics.state), "a check that does not apply has no state")
		require.Equal(t, 2, testutil.CollectAndCount(metrics.duration))
	})
}

func TestTrusted_AFindingLongAfterItsDeadlineBlamesNobody(t *testing.T) {
	c := New("a", nil)
	running := &call{started: t0}
	late := outcome([]Finding{{Reason: "X"}}, nil, 0, t0.Add(10*time.Second))
	require.Equal(t, Unknown, running.trusted(late, c).State)
	inTime := outcome([]Finding{{Reason: "X"}}, nil, 0, t0.Add(800*time.Millisecond))
	require.Equal(t, Unhealthy, running.trusted(inTime, c).State)
	well := outcome(nil, nil, 0, t0.Add(10*time.Second))
	require.Equal(t, Healthy, running.trusted(well, c).State)
}

func TestOutcome(t *testing.T) {
	fault, again, note := Finding{Reason: "F"}, Finding{Reason: "R", Restarting: true}, Finding{Message: "n", Note: true}
	for name, c := range map[string]struct {
		findings []Finding
		err      error
		want     State
		speaks   v1alpha1.Reason
	}{
		"nothing wrong":               {want: Healthy},
		"notes only":                  {findings: []Finding{note}, want: Healthy},
		"a fault":                     {findings: []Finding{note, again, fault}, want: Unhealthy, speaks: "F"},
		"all restarting":              {findings: []Finding{note, again}, want: Restarting, speaks: "R"},
		"an error beats the findings": {findings: []Finding{fault}, err: errors.New("x"), want: Unknown, speaks: "F"},
		"not applicable":              {err: errors.Join(ErrNotApplicable), want: NotApplicable},
	} {
		look := outcome(c.findings, c.err, 0, t0)
		require.Equal(t, c.want, look.State, name)
		require.Equal(t, c.speaks, look.headline().Reason, name)
	}
}

func TestValidate(t *testing.T) {
	good := New("a", scripted(healthy))
	require.NoError(t, Validate([]Check{good}))
	for message, change := range map[string]func(*Check){
		"lower case":                   func(c *Check) { c.Name = "A" },
		"no probe":                     func(c *Check) { c.Probe = nil },
		"below 100ms":                  func(c *Check) { c.Interval = time.Millisecond },
		"does not end before the next": func(c *Check) { c.Timeout = c.Interval },
		"failAfter 0":                  func(c *Check) { c.FailAfter = 0 },
		"okAfter 0":                    func(c *Check) { c.OKAfter = 0 },
		"negative":                     func(c *Check) { c.Dwell = -1 },
		"not listed":                   func(c *Check) { c.DependsOn = []Name{"b"} },
		"depends on itself":            func(c *Check) { c.DependsOn = []Name{"a"} },
	} {
		c := good
		change(&c)
		require.ErrorContains(t, Validate([]Check{c}), message)
	}
	require.ErrorContains(t, Validate([]Check{good, good}), "twice")
}

func TestOnce_ShowsEverythingAndWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		table := Once(t.Context(), []Check{
			New("well", scripted(healthy)),
			New("sick", scripted(failingProbe)),
			New("gone", scripted(func(context.Context) ([]Finding, error) { return nil, ErrNotApplicable })),
			New("odd", scripted(func(context.Context) ([]Finding, error) { return nil, errors.New("denied") })),
			New("stuck", scripted(func(context.Context) ([]Finding, error) { <-release; return nil, nil })),
			New("again", scripted(func(context.Context) ([]Finding, error) {
				return []Finding{{Reason: "X", Message: "activating", Restarting: true}}, nil
			})),
			New("noted", scripted(func(context.Context) ([]Finding, error) { return []Finding{{Message: "no network", Note: true}}, nil })),
		})
		var out strings.Builder
		_, err := table.WriteTo(&out)
		require.NoError(t, err)
		require.Equal(t, Unhealthy, table.Worst())
		require.Equal(t, strings.TrimLeft(`
CHECK  STATE          REASON         MESSAGE                                                                            TOOK
well   Healthy        -              -                                                                                  0s
sick   Unhealthy      UnitNotActive  down                                                                               0s
gone   NotApplicable  -              -                                                                                  0s
odd    Unknown        CheckFailed    denied                                                                             0s
stuck  Unknown        CheckOverdue   the look did not come back by its deadline; it is not started again until it does  900ms
again  Restarting     Restarting     activating                                                                         0s
noted  Healthy        -              no network                                                                         0s
`, "\n"), out.String())
	})
}

func TestRunner_WhatIsNotThereIsLookedForSeldomUntilItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int32
		var isThere atomic.Bool
		d := newTold()
		probe := watched{d, func(context.Context) ([]Finding, error) {
			looks.Add(1)
			if isThere.Load() {
				return nil, nil
			}
			return nil, ErrNotApplicable
		}}
		lookedIn := func(d time.Duration) int {
			before := looks.Load()
			time.Sleep(d)
			return int(looks.Load() - before)
		}
		r := run(t, nil, New("a", probe))
		<-r.Looked()
		time.Sleep(time.Millisecond) // past the beat
		require.Equal(t, 9, lookedIn(9*time.Second))
		require.Equal(t, 5, lookedIn(time.Minute), "on every tenth beat, the next but one after the last look")
		d.events <- struct{}{}
		require.Equal(t, 1, lookedIn(time.Second), "an event is followed at once all the same")
		isThere.Store(true)
		time.Sleep(AbsentEvery * 9 / 8)
		require.Equal(t, v1alpha1.CheckHealthy, state(r, "a"))
		require.Equal(t, 60, lookedIn(time.Minute))
		isThere.Store(false)
		require.Equal(t, 60, lookedIn(time.Minute), "what was there once is not forgotten")
	})
}

// watched is a probe that is told of changes.
type watched struct {
	*told
	probe scripted
}

func (w watched) Probe(ctx context.Context) ([]Finding, error) { return w.probe(ctx) }
