package unit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

func TestProbe(t *testing.T) {
	paths := hosttest.NewMachine(t)
	systemd := hosttest.StartSystemd(t, paths)
	doors := host.Open(paths)
	t.Cleanup(doors.Close)
	probe := New("chrony.service", doors)

	_, err := probe.Probe(t.Context())
	require.ErrorIs(t, err, check.ErrNotApplicable)

	systemd.Set(host.Unit{Name: "chrony.service", ActiveState: "active", SubState: "running", MainPID: 8, ActiveFor: time.Hour})
	hosttest.Process{PID: 8, Name: "chronyd"}.Add(t, paths)
	findings, err := probe.Probe(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings)

	systemd.Set(host.Unit{Name: "chrony.service", ActiveState: "failed", Result: "exit-code"})
	findings, err = probe.Probe(t.Context())
	require.NoError(t, err)
	require.Equal(t, v1alpha1.ReasonUnitNotActive, findings[0].Reason)
	require.Equal(t, "unit chrony.service is failed (exit-code)", findings[0].Message)
}

func TestProbe_AOneShotThatStaysActiveIsWell(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.StartSystemd(t, paths).Set(host.Unit{Name: "rules.service", ActiveState: "active", SubState: "exited", ActiveFor: time.Hour})
	doors := host.Open(paths)
	t.Cleanup(doors.Close)
	findings, err := New("rules.service", doors).Probe(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings)
}
