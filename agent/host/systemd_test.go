package host_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
)

var running = host.Unit{
	Name: "kubelet.service", LoadState: "loaded", ActiveState: "active", SubState: "running",
	MainPID: 4711, Restarts: 2, RestartAfter: 10 * time.Second, InvocationID: "00ff10", ActiveFor: time.Minute, Result: "success",
}

func TestSystemd_ReadsAUnit(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.StartSystemd(t, paths).Set(running)
	door := newSystemd(t, paths)

	unit, err := door.Unit(t.Context(), running.Name)

	require.NoError(t, err)
	require.InDelta(t, time.Minute, unit.ActiveFor, float64(5*time.Second))
	unit.ActiveFor = running.ActiveFor
	require.Equal(t, running, unit)
	require.True(t, unit.Exists())
	require.True(t, unit.IsActive())
	require.False(t, unit.IsComingBack())
}

func TestSystemd_ReadsAQueuedJobAndAFileState(t *testing.T) {
	paths := hosttest.NewMachine(t)
	systemd := hosttest.StartSystemd(t, paths)
	systemd.Set(host.Unit{Name: "a.service", ActiveState: "deactivating", SubState: "stop-sigterm", Job: "restart"})
	systemd.Set(host.Unit{Name: "b.service", ActiveState: "inactive", SubState: "dead", UnitFileState: "disabled"})
	door := newSystemd(t, paths)

	unit, err := door.Unit(t.Context(), "a.service")
	require.NoError(t, err)
	require.True(t, unit.IsComingBack())
	unit, err = door.Unit(t.Context(), "b.service")
	require.NoError(t, err)
	require.False(t, unit.IsEnabled())
}

func TestSystemd_SaysWhatIsNotThere(t *testing.T) {
	paths := hosttest.NewMachine(t)
	door := newSystemd(t, paths)
	_, err := door.Unit(t.Context(), "kubelet.service")
	require.ErrorIs(t, err, host.ErrNoSystemd)

	hosttest.StartSystemd(t, paths)
	unit, err := door.Unit(t.Context(), "kubelet.service")
	require.NoError(t, err)
	require.False(t, unit.Exists())
}

func TestSystemd_ReconnectsWhenTheBusDied(t *testing.T) {
	paths := hosttest.NewMachine(t)
	systemd := hosttest.StartSystemd(t, paths)
	systemd.Set(running)
	door := newSystemd(t, paths)
	_, err := door.Unit(t.Context(), running.Name)
	require.NoError(t, err)

	systemd.Stop(hosttest.BusSocket)
	require.Eventually(t, func() bool {
		_, err = door.Unit(t.Context(), running.Name)
		return err != nil
	}, 5*time.Second, time.Millisecond)
	require.NotErrorIs(t, err, host.ErrNoSystemd)

	systemd.Start(hosttest.BusSocket)
	_, err = door.Unit(t.Context(), running.Name)
	require.NoError(t, err)
}

func TestSystemd_AsksItDirectlyWhenTheBusIsGone(t *testing.T) {
	paths := hosttest.NewMachine(t)
	systemd := hosttest.StartSystemd(t, paths)
	systemd.Set(running)
	systemd.Stop(hosttest.BusSocket)
	systemd.Start(hosttest.PrivateSocket)

	unit, err := newSystemd(t, paths).Unit(t.Context(), running.Name)

	require.NoError(t, err)
	require.Equal(t, 4711, unit.MainPID)
}

func TestSystemd_AsksItDirectlyWhenTheBusIsFrozen(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.StartSystemd(t, paths).Freeze()
	direct := hosttest.StartSystemdAt(t, paths, hosttest.PrivateSocket)
	direct.Set(running)
	door := newSystemd(t, paths)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	unit, err := door.Unit(ctx, running.Name)
	require.NoError(t, err)
	require.Equal(t, 4711, unit.MainPID)
}

func TestSystemd_ReturnsInTimeFromAFrozenBus(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	paths := hosttest.NewMachine(t)
	systemd := hosttest.StartSystemd(t, paths)
	systemd.Set(running)
	door := newSystemd(t, paths)
	for _, when := range []string{"frozen before it is dialled", "frozen while connected"} {
		systemd.Freeze()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		started := time.Now()
		_, err := door.Unit(ctx, running.Name)
		cancel()
		require.Error(t, err, when)
		require.Less(t, time.Since(started), 2*time.Second, when)

		systemd.Thaw()
		_, err = door.Unit(t.Context(), running.Name)
		require.NoError(t, err, when)
	}
	door.Close()
	systemd.Stop(hosttest.BusSocket)
}

func newSystemd(t *testing.T, paths host.Paths) *host.Systemd {
	t.Helper()
	door := host.NewSystemd(paths)
	t.Cleanup(door.Close)
	return door
}
