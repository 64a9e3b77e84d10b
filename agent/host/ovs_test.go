package host_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
)

const runDir = "/run/openvswitch"

func TestOVS_AsksBothDaemons(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.StartSwitch(t, paths, runDir).Set(host.OVSDatabase{CurrentConfig: 3, NextConfig: 4, KernelBridges: 2})
	door := host.NewOVS(paths)
	version, err := door.Version(t.Context(), t.Context(), runDir, "ovs-vswitchd")
	require.NoError(t, err)
	require.Equal(t, "ovs (Open vSwitch) 3.1.0", version)
	database, err := door.Database(t.Context(), t.Context(), runDir+"/db.sock")
	require.NoError(t, err)
	require.Equal(t, host.OVSDatabase{CurrentConfig: 3, NextConfig: 4, KernelBridges: 2}, database)
}

func TestOVS_FindsTheControlSocketWithoutAPIDFileIfThereIsOne(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.StartSwitch(t, paths, runDir)
	door := host.NewOVS(paths)
	require.NoError(t, os.Remove(paths.At(runDir+"/ovs-vswitchd.pid")))
	_, err := door.Version(t.Context(), t.Context(), runDir, "ovs-vswitchd")
	require.NoError(t, err)

	hosttest.Dead(t, paths, runDir+"/ovs-vswitchd.49.ctl")
	_, err = door.Version(t.Context(), t.Context(), runDir, "ovs-vswitchd")
	require.ErrorIs(t, err, host.ErrAbsent)
	_, err = door.Version(t.Context(), t.Context(), "/run/nowhere", "ovs-vswitchd")
	require.ErrorIs(t, err, host.ErrAbsent)
}

func TestOVS_APIDFileThatIsBeingWrittenIsNotThereYet(t *testing.T) {
	paths := hosttest.NewMachine(t)
	require.NoError(t, os.WriteFile(paths.At("/run/ovs-vswitchd.pid"), nil, 0o644))
	_, err := host.NewOVS(paths).PID("/run", "ovs-vswitchd")
	require.ErrorIs(t, err, host.ErrAbsent)
}

func TestOVS_SortsHowADatabaseFailsToAnswer(t *testing.T) {
	ask := func(paths host.Paths, outer context.Context) error {
		asked, cancel := context.WithTimeout(outer, 100*time.Millisecond)
		defer cancel()
		_, err := host.NewOVS(paths).Database(outer, asked, socket)
		return err
	}
	for name, c := range map[string]struct {
		prepare func(*testing.T, host.Paths)
		want    error
	}{
		"accepts and never answers": {func(t *testing.T, p host.Paths) { hosttest.Frozen(t, p, socket) }, host.ErrSilent},
		"its queue is full":         {fillQueue, host.ErrSilent},
		"nobody listens":            {func(t *testing.T, p host.Paths) { hosttest.Dead(t, p, socket) }, host.ErrRefused},
		"no such socket":            {func(*testing.T, host.Paths) {}, host.ErrAbsent},
		"hangs up":                  {hangUp, host.ErrRefused},
		"begins and never ends":     {dribble, host.ErrSilent},
	} {
		paths := hosttest.NewMachine(t)
		c.prepare(t, paths)
		require.ErrorIs(t, ask(paths, t.Context()), c.want, name)
	}
	paths := hosttest.NewMachine(t)
	hosttest.Frozen(t, paths, socket)
	outer, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := ask(paths, outer)
	require.Error(t, err)
	require.NotErrorIs(t, err, host.ErrSilent, "our own lack of time")
}

// dribble answers with a blank now and then: each read gets something before it would time out.
func dribble(t *testing.T, paths host.Paths) {
	t.Helper()
	listener := hosttest.Listen(t, paths, socket)
	go func() {
		conn, err := listener.Accept()
		for err == nil {
			time.Sleep(10 * time.Millisecond)
			_, err = conn.Write([]byte(" "))
		}
	}()
}

func TestBird_FollowsBIRD(t *testing.T) {
	paths := hosttest.NewMachine(t)
	door := host.NewBird(paths)
	_, err := door.Status(t.Context(), t.Context(), socket)
	require.ErrorIs(t, err, host.ErrAbsent)
	said := host.BirdStatus{IsRecovering: true, Protocols: []host.BirdProtocol{
		{Name: "device1", Kind: "Device", State: "up"}, {Name: "Mesh_10_0_0_2", Kind: "BGP", State: "up", Info: "Established"}}}
	hosttest.StartBird(t, paths, socket).Say(said)
	status, err := door.Status(t.Context(), t.Context(), socket)
	require.NoError(t, err)
	require.Equal(t, said, status)
	hosttest.Frozen(t, paths, socket)
	asked, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = door.Status(t.Context(), asked, socket)
	require.ErrorIs(t, err, host.ErrSilent)
}

func TestDatapaths_AKernelWithoutOneIsToldApart(t *testing.T) {
	door := host.NewOVS(host.Paths{})
	defer door.Close()
	for range 2 {
		if _, err := door.Datapaths(); err != nil && !errors.Is(err, host.ErrAbsent) {
			t.Fatal(err)
		}
	}
}
