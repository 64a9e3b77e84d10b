package host_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
)

func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		table []hosttest.Process
		want  int // 0: none
	}{
		"finds by the kernel's name":             {table: []hosttest.Process{{PID: 10, Name: "crio"}, {PID: 11, Name: "dockerd"}}, want: 11},
		"finds by the first argument":            {table: []hosttest.Process{{PID: 12, Name: "kbed", Args: []string{"/usr/bin/dockerd", "-H"}}}, want: 12},
		"prefers the kernel's name":              {table: []hosttest.Process{{PID: 9, Name: "sh", Args: []string{"dockerd"}}, {PID: 13, Name: "dockerd"}}, want: 13},
		"takes the oldest":                       {table: []hosttest.Process{{PID: 14, Name: "dockerd", Started: 9}, {PID: 15, Name: "dockerd", Started: 8}}, want: 15},
		"takes a living one before a zombie":     {table: []hosttest.Process{{PID: 14, Name: "dockerd", State: 'Z', Started: 7}, {PID: 15, Name: "dockerd"}}, want: 15},
		"shows a zombie when it is all there is": {table: []hosttest.Process{{PID: 14, Name: "dockerd", State: 'Z'}}, want: 14},
		"leaves containers' processes alone":     {table: []hosttest.Process{{PID: 16, Name: "dockerd", InContainer: true}}},
		"finds none":                             {table: []hosttest.Process{{PID: 16, Name: "dockerd-proxy"}}},
	} {
		t.Run(name, func(t *testing.T) {
			paths := hosttest.NewMachine(t)
			for _, p := range c.table {
				p.Add(t, paths)
			}
			p, err := host.NewProcesses(paths).Find(t.Context(), "dockerd")
			if c.want == 0 {
				require.ErrorIs(t, err, host.ErrNoProcess)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, p.PID)
		})
	}
}

func TestFind_SearchesAgainAtOnceWhenTheKnownProcessWentOrItsPIDIsAnothers(t *testing.T) {
	paths := hosttest.NewMachine(t)
	door := host.NewProcesses(paths)
	hosttest.Process{PID: 20, Name: "dockerd"}.Add(t, paths)
	p, err := door.Find(t.Context(), "dockerd")
	require.NoError(t, err)
	require.Equal(t, 20, p.PID)

	hosttest.Process{PID: 20, Name: "sleep", Started: 900}.Add(t, paths)
	_, err = door.Find(t.Context(), "dockerd")
	require.ErrorIs(t, err, host.ErrNoProcess)

	hosttest.Process{PID: 21, Name: "dockerd"}.Add(t, paths)
	p, err = door.Find(t.Context(), "dockerd")
	require.NoError(t, err)
	require.Equal(t, 21, p.PID)

	hosttest.Process{PID: 21, Name: "dockerd", State: 'Z'}.Add(t, paths)
	p, err = door.Find(t.Context(), "dockerd")
	require.NoError(t, err)
	require.True(t, p.IsZombie())
}

func TestFind_BelievesTheAbsenceOfOneNeverFoundForAWhile(t *testing.T) {
	paths := hosttest.NewMachine(t)
	door := host.NewProcesses(paths)
	_, err := door.Find(t.Context(), "dockerd")
	require.ErrorIs(t, err, host.ErrNoProcess)

	hosttest.Process{PID: 21, Name: "dockerd"}.Add(t, paths)
	_, err = door.Find(t.Context(), "dockerd")
	require.ErrorIs(t, err, host.ErrNoProcess)
}

func TestFind_ByANameThatTheKernelCutShort(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.Process{PID: 22, Name: "containerd-shim", Args: []string{"/usr/bin/containerd-shim-runc-v2"}}.Add(t, paths)
	for _, name := range []string{"containerd-shim", "containerd-shim-runc-v2"} {
		p, err := host.NewProcesses(paths).Find(t.Context(), name)
		require.NoError(t, err, name)
		require.Equal(t, 22, p.PID)
	}
}

func TestStat_AnEndedProcessIsAnObservation(t *testing.T) {
	_, err := host.NewProcesses(hosttest.NewMachine(t)).Stat(4711)
	require.ErrorIs(t, err, host.ErrNoProcess)
}

func TestPaths(t *testing.T) {
	inPod := host.Paths{Root: "/host", Proc: "/hostproc"}
	require.Equal(t, "/hostproc/1/stat", inPod.At("/proc/1/stat"))
	require.Equal(t, "/host/run/docker.sock", inPod.At("/var/run/docker.sock"))
	require.Equal(t, "/host/etc/os-release", inPod.At("/etc/os-release"))
	require.Equal(t, "/host/runtime", inPod.At("/runtime"))
	require.Equal(t, "/run/crio/crio.sock", host.Paths{}.At("/run/crio/crio.sock"))
	_, err := os.Stat(host.Paths{}.At("/proc/self/stat"))
	require.NoError(t, err)
}
