package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/network"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

func TestChecks_Defaults(t *testing.T) {
	list, err := checks(config.DefaultChecks(), host.Open(hosttest.NewMachine(t)), network.Cluster{})
	require.NoError(t, err)
	require.Equal(t, []check.Name{
		"containerd", "crio", "cri-dockerd", "kubelet", "docker", "containers", "netfilter", "ovs", "calico",
		"disk", "memory", "pids", "stall", "link", "route", "conntrack", "dns", "apiserver", "peers",
	}, names(list))
	for _, c := range list {
		if c.Name == "dns" || c.Name == "apiserver" || c.Name == "peers" { // they speak to other machines
			require.GreaterOrEqual(t, c.Interval, 5*time.Second)
		} else {
			require.Equal(t, time.Second, c.Interval)
			require.Equal(t, 800*time.Millisecond, c.Deadline())
		}
		require.Equal(t, 3, c.FailAfter)
		require.Equal(t, 3, c.OKAfter)
		if slices.Contains([]check.Name{"disk", "memory", "pids", "stall"}, c.Name) { // the kubelet's transition period
			require.Equal(t, 5*time.Minute, c.Dwell)
		} else {
			require.Equal(t, 30*time.Second, c.Dwell)
		}
	}
	require.Equal(t, []check.Name{"containerd", "crio", "cri-dockerd"}, named(t, list, "kubelet").DependsOn)
	require.Equal(t, []check.Name{"containerd", "crio", "cri-dockerd"}, named(t, list, "containers").DependsOn)
	require.Equal(t, []check.Name{"containerd"}, named(t, list, "docker").DependsOn)
}

func named(t *testing.T, list []check.Check, name check.Name) check.Check {
	t.Helper()
	for _, c := range list {
		if c.Name == name {
			return c
		}
	}
	require.Fail(t, "no such check", name)
	return check.Check{}
}

func TestChecks_TheConfigurationOverridesAddsAndLeavesOut(t *testing.T) {
	one, two := 1, 2
	seconds := func(n int) *config.Duration { return &config.Duration{Duration: time.Duration(n) * time.Second} }
	c := config.DefaultChecks()
	c.Defaults = config.CheckSettings{FailAfter: &two}
	c.Settings = map[string]config.CheckSettings{"crio": {Disabled: true}, "chrony": {FailAfter: &one, OKAfter: &two, Interval: seconds(5), Timeout: seconds(2), Dwell: seconds(0), Confirm: &config.Confirmation{At: []config.Duration{{}, {Duration: 7 * time.Millisecond}}}}}
	c.Units = []config.UnitCheck{{Name: "chrony", Unit: "chrony.service"}}
	c.Processes = []config.ProcessCheck{{Name: "bird", Process: "bird"}}
	list, err := checks(c, host.Open(hosttest.NewMachine(t)), network.Cluster{})
	require.NoError(t, err)
	require.Subset(t, names(list), []check.Name{"containerd", "kubelet", "docker", "link", "chrony", "bird"})
	require.NotContains(t, names(list), check.Name("crio"))
	require.Equal(t, []check.Name{"containerd", "cri-dockerd"}, named(t, list, "kubelet").DependsOn)
	require.Equal(t, 2, list[0].FailAfter)
	chrony := list[len(list)-2]
	require.Equal(t, check.Check{
		Name: "chrony", Interval: 5 * time.Second, Timeout: 2 * time.Second, FailAfter: 1, OKAfter: 2, Probe: chrony.Probe,
		DependsOn: chrony.DependsOn, Confirm: []time.Duration{0, 7 * time.Millisecond},
		Needs: []check.Need{check.NeedRun, check.NeedHostPID},
	}, chrony)
	require.Equal(t, []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond}, list[0].Confirm)
}

func TestChecks_SaysWhatItDoesNotKnow(t *testing.T) {
	doors := host.Open(hosttest.NewMachine(t))
	c := config.DefaultChecks()
	c.Settings = map[string]config.CheckSettings{"kublet": {}}
	_, err := checks(c, doors, network.Cluster{})
	require.ErrorContains(t, err, "checks.settings.kublet: there is no such check")
	c = config.DefaultChecks()
	c.Units = []config.UnitCheck{{Name: "kubelet", Unit: "x.service"}}
	_, err = checks(c, doors, network.Cluster{})
	require.ErrorContains(t, err, "check kubelet is listed twice")
}
