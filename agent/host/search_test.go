package host_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
)

func TestSearch(t *testing.T) {
	felix := host.Pattern{Names: []string{"calico-node", "calico-felix"}, Args: []string{"felix"}}
	inner := host.Pattern{Names: []string{"ovs-vswitchd"}, Inner: 47}
	args := []string{"calico-node", "-felix"}
	for name, c := range map[string]struct {
		pattern host.Pattern
		table   []hosttest.Process
		want    int // 0: none
	}{
		"one of the host's":                {felix, []hosttest.Process{{PID: 10, Name: "calico-node", Args: args}}, 10},
		"one with the host's network":      {felix, []hosttest.Process{{PID: 10, Name: "calico-node", Args: args, InContainer: true, HostNetwork: true}}, 10},
		"not one of a pod":                 {felix, []hosttest.Process{{PID: 10, Name: "calico-node", Args: args, InContainer: true}}, 0},
		"another name that will do":        {felix, []hosttest.Process{{PID: 10, Name: "calico-felix", Args: []string{"x", "--felix"}}}, 10},
		"an argument without a dash":       {felix, []hosttest.Process{{PID: 10, Name: "calico-node", Args: []string{"calico-node", "felix"}}}, 10},
		"not the name alone":               {felix, []hosttest.Process{{PID: 10, Name: "calico-node", Args: []string{"calico-node", "-confd"}}}, 0},
		"not its health probe":             {felix, []hosttest.Process{{PID: 10, Name: "calico-node", Args: []string{"calico-node", "-felix-live"}}}, 0},
		"not its supervisor":               {felix, []hosttest.Process{{PID: 10, Name: "runsv", Args: []string{"runsv", "felix"}}}, 0},
		"the oldest":                       {felix, []hosttest.Process{{PID: 10, Name: "calico-node", Args: args, Started: 9}, {PID: 11, Name: "calico-node", Args: args, Started: 8}}, 11},
		"not a zombie never seen alive":    {felix, []hosttest.Process{{PID: 10, Name: "calico-node", Args: args, State: 'Z'}}, 0},
		"by its PID in its container":      {inner, []hosttest.Process{{PID: 10, Name: "ovs-vswitchd", InContainer: true, HostNetwork: true, Inner: 47}}, 10},
		"not another PID in its container": {inner, []hosttest.Process{{PID: 10, Name: "ovs-vswitchd", InContainer: true, HostNetwork: true, Inner: 46}}, 0},
		"by its PID on the host":           {inner, []hosttest.Process{{PID: 46, Name: "ovs-vswitchd"}, {PID: 47, Name: "ovs-vswitchd"}}, 47},
	} {
		t.Run(name, func(t *testing.T) {
			paths := hosttest.NewMachine(t)
			for _, p := range c.table {
				p.Add(t, paths)
			}
			p, err := host.NewProcesses(paths).Search().Find(t.Context(), c.pattern)
			if c.want == 0 {
				require.ErrorIs(t, err, host.ErrNoProcess)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, p.PID)
		})
	}
}

func TestSearch_FollowsADaemonThroughItsEndAndReturn(t *testing.T) {
	paths := hosttest.NewMachine(t)
	pattern := host.Pattern{Names: []string{"bird"}}
	search := func(s *host.Search) int {
		p, err := s.Find(t.Context(), pattern)
		if err != nil {
			require.ErrorIs(t, err, host.ErrNoProcess)
		}
		if p.IsZombie() {
			return -p.PID
		}
		return p.PID
	}
	hosttest.Process{PID: 10, Name: "bird"}.Add(t, paths)
	s := host.NewProcesses(paths).Search()
	require.Equal(t, 10, search(s))

	hosttest.Process{PID: 10, Name: "bird", State: 'Z'}.Add(t, paths)
	require.Equal(t, -10, search(s), "a zombie known from before is told")

	hosttest.Reap(t, paths, 10)
	require.Zero(t, search(s))
	hosttest.Process{PID: 10, Name: "sleep", Started: 99}.Add(t, paths)
	require.Zero(t, search(s), "its PID is another's")
}

func TestSearch_BelievesTheAbsenceOfOneNeverFoundForAWhile(t *testing.T) {
	paths := hosttest.NewMachine(t)
	s := host.NewProcesses(paths).Search()
	_, err := s.Find(t.Context(), host.Pattern{Names: []string{"bird"}})
	require.ErrorIs(t, err, host.ErrNoProcess)
	hosttest.Process{PID: 10, Name: "bird"}.Add(t, paths)
	_, err = s.Find(t.Context(), host.Pattern{Names: []string{"bird"}})
	require.ErrorIs(t, err, host.ErrNoProcess)
}

func TestIsContainerInit(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.Process{PID: 1, Name: "systemd"}.Add(t, paths)
	hosttest.Process{PID: 10, Name: "felix", InContainer: true}.Add(t, paths)
	hosttest.Process{PID: 11, Name: "felix", InContainer: true, Inner: 9}.Add(t, paths)
	door := host.NewProcesses(paths)
	require.False(t, door.IsContainerInit(1), "the machine's own")
	require.True(t, door.IsContainerInit(10))
	require.False(t, door.IsContainerInit(11))
}
