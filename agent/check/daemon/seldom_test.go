package daemon_test

import (
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// counting is a systemd that counts questions, and tells of changes when told to.
type counting struct {
	asked int
	unit  host.Unit
	tell  chan struct{}
}

func (c *counting) Unit(context.Context, string) (host.Unit, error) {
	c.asked++
	return c.unit, nil
}

func (c *counting) Changes(ctx context.Context, _ string, changed func()) error {
	for {
		select {
		case <-c.tell:
			changed()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestSeldom_SystemdIsAskedWhenTheDaemonIsNotWellOrTheUnitHasChanged(t *testing.T) {
	units := &counting{tell: make(chan struct{}), unit: host.Unit{Name: unit, LoadState: "loaded", ActiveState: "active", InvocationID: "1", ActiveFor: time.Hour}}
	answer := daemon.Good
	p := daemon.New(daemon.Subject{
		Name: "d", Unit: unit, UnitEvery: daemon.Seldom, Reasons: daemon.Reasons{NotRunning: "NotRunning", NotAnswering: "NotAnswering"},
		Ask: func(context.Context, context.Context) daemon.Answer { return daemon.Answer{Kind: answer} },
	}, units, host.NewProcesses(host.Paths{}))
	look := func() string {
		findings, err := p.Probe(t.Context())
		require.NoError(t, err)
		if len(findings) == 0 {
			return "well"
		}
		return string(findings[0].Reason)
	}
	for range 5 {
		require.Equal(t, "well", look())
	}
	require.Equal(t, 1, units.asked)

	answer, units.unit.ActiveState = daemon.Refused, "failed"
	require.Equal(t, "NotRunning", look(), "what systemd said before counts for nothing now")
	require.Equal(t, 2, units.asked)

	answer, units.unit.ActiveState, units.unit.Restarts = daemon.Good, "active", 1
	require.Equal(t, "well", look())
	require.Equal(t, 3, units.asked, "it was not active when it was last asked about")
	units.unit.Restarts = 4
	require.Equal(t, "well", look())
	require.Equal(t, 3, units.asked)
	told := watch(t, p)
	units.tell <- struct{}{}
	await(t, told, "the unit")
	require.Equal(t, "well", look())
	require.Equal(t, 4, units.asked)
	require.EqualValues(t, 4, p.Restarts())
}

// Its socket may be systemd's, which would start a daemon that somebody has just stopped.
func TestSeldom_OfADaemonThatAskingWouldStart(t *testing.T) {
	units := &counting{tell: make(chan struct{}), unit: host.Unit{
		Name: unit, LoadState: "loaded", ActiveState: "active", InvocationID: "1", ActiveFor: time.Hour, MainPID: os.Getpid(),
	}}
	asked := 0
	p := daemon.New(daemon.Subject{
		Name: "d", Unit: unit, UnitEvery: daemon.Seldom, AskOnlyActive: true,
		Ask: func(context.Context, context.Context) daemon.Answer { asked++; return daemon.Answer{Kind: daemon.Good} },
	}, units, host.NewProcesses(host.Paths{}))
	look := func() {
		_, err := p.Probe(t.Context())
		require.NoError(t, err)
	}
	look()
	look()
	require.Equal(t, 2, units.asked, "nobody would tell of a change")
	told := watch(t, p)
	units.tell <- struct{}{}
	await(t, told, "the unit")
	look()
	look()
	require.Equal(t, 3, units.asked)
	require.Equal(t, 4, asked)

	units.unit.ActiveState, units.unit.MainPID = "inactive", 0
	units.tell <- struct{}{}
	await(t, told, "the unit")
	look()
	require.Equal(t, 4, asked, "it was stopped")
}

// It has most of a look's time, whether systemd is asked too or not.
func TestSeldom_ADaemonThatAnswersSlowlyIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		units := &counting{unit: host.Unit{Name: unit, LoadState: "loaded", ActiveState: "active", InvocationID: "1", ActiveFor: time.Hour}}
		p := daemon.New(daemon.Subject{
			Name: "d", Unit: unit, UnitEvery: daemon.Seldom, Reasons: daemon.Reasons{NotAnswering: "NotAnswering"},
			Ask: func(_, asked context.Context) daemon.Answer {
				select {
				case <-time.After(500 * time.Millisecond):
					return daemon.Answer{Kind: daemon.Good}
				case <-asked.Done():
					return daemon.Answer{Kind: daemon.Silent}
				}
			},
		}, units, host.NewProcesses(host.Paths{}))
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 800*time.Millisecond)
			findings, err := p.Probe(ctx)
			require.NoError(t, err)
			require.Empty(t, findings)
			cancel()
			time.Sleep(time.Second)
		}
	})
}

// Most daemons that we know are not on a node. Who listens to systemd need not ask it again and again.
func TestSeldom_SystemdIsNotAskedAgainAboutWhatItWouldTell(t *testing.T) {
	for name, unit := range map[string]host.Unit{
		"not installed":          {Name: unit, LoadState: "not-found", ActiveState: "inactive"},
		"installed, not enabled": {Name: unit, LoadState: "loaded", ActiveState: "inactive", UnitFileState: "disabled"},
	} {
		t.Run(name, func(t *testing.T) { notAskedAgain(t, unit) })
	}
}

func notAskedAgain(t *testing.T, absent host.Unit) {
	units := &counting{tell: make(chan struct{}), unit: absent}
	answer := daemon.Absent
	p := daemon.New(daemon.Subject{
		Name: "d", Unit: unit, UnitEvery: daemon.Seldom, Process: "no-such-process", Optional: true, Reasons: daemon.Reasons{NotAnswering: "NotAnswering"},
		Ask: func(context.Context, context.Context) daemon.Answer { return daemon.Answer{Kind: answer} },
	}, units, host.NewProcesses(host.Paths{}))
	look := func() error {
		_, err := p.Probe(t.Context())
		return err
	}
	require.ErrorIs(t, look(), check.ErrNotApplicable)
	require.ErrorIs(t, look(), check.ErrNotApplicable)
	require.Equal(t, 2, units.asked, "nobody would tell of a unit")
	told := watch(t, p)
	units.tell <- struct{}{}
	await(t, told, "the unit")
	for range 5 {
		require.ErrorIs(t, look(), check.ErrNotApplicable)
	}
	require.Equal(t, 3, units.asked)
	answer = daemon.Silent
	_ = look()
	require.Equal(t, 4, units.asked, "somebody may be there")
}

func TestSeldom_SystemdIsAskedWhenTheMainProcessItNamedIsGone(t *testing.T) {
	units := &counting{unit: host.Unit{Name: unit, LoadState: "loaded", ActiveState: "active", InvocationID: "1", ActiveFor: time.Hour, MainPID: os.Getpid()}}
	p := daemon.New(daemon.Subject{
		Name: "d", Unit: unit, UnitEvery: daemon.Seldom,
		Ask: func(context.Context, context.Context) daemon.Answer { return daemon.Answer{Kind: daemon.Good} },
	}, units, host.NewProcesses(host.Paths{}))
	look := func() {
		_, err := p.Probe(t.Context())
		require.NoError(t, err)
	}
	units.unit.MainPID = 1 << 30
	look()
	units.unit.MainPID = os.Getpid()
	look()
	require.Equal(t, 2, units.asked, "it is another process now, and the signal that said so was lost")
	look()
	require.Equal(t, 2, units.asked)
}
