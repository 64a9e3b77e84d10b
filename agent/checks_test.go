package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

func TestChecks_Defaults(t *testing.T) {
	list, err := checks(config.DefaultChecks(), host.Open(hosttest.NewMachine(t)))
	require.NoError(t, err)
	require.Equal(t, []check.Name{"containerd", "crio", "kubelet", "docker"}, names(list))
	for _, c := range list {
		require.Equal(t, time.Second, c.Interval)
		require.Equal(t, 800*time.Millisecond, c.Deadline())
		require.Equal(t, 3, c.FailAfter)
		require.Equal(t, 3, c.OKAfter)
		require.Equal(t, 30*time.Second, c.Dwell)
	}
	require.Equal(t, []check.Name{"containerd", "crio"}, list[2].DependsOn)
	require.Equal(t, []check.Name{"containerd"}, list[3].DependsOn)
}

func TestChecks_TheConfigurationOverridesAddsAndLeavesOut(t *testing.T) {
	one, two := 1, 2
	seconds := func(n int) *config.Duration { return &config.Duration{Duration: time.Duration(n) * time.Second} }
	c := config.DefaultChecks()
	c.Defaults = config.CheckSettings{FailAfter: &two}
	c.Settings = map[string]config.CheckSettings{"crio": {Disabled: true}, "chrony": {FailAfter: &one, OKAfter: &two, Interval: seconds(5), Timeout: seconds(2), Dwell: seconds(0)}}
	c.Units = []config.UnitCheck{{Name: "chrony", Unit: "chrony.service"}}
	c.Processes = []config.ProcessCheck{{Name: "bird", Process: "bird"}}
	list, err := checks(c, host.Open(hosttest.NewMachine(t)))
	require.NoError(t, err)
	require.Equal(t, []check.Name{"containerd", "kubelet", "docker", "chrony", "bird"}, names(list))
	require.Equal(t, []check.Name{"containerd"}, list[1].DependsOn)
	require.Equal(t, 2, list[0].FailAfter)
	chrony := list[3]
	require.Equal(t, check.Check{
		Name: "chrony", Interval: 5 * time.Second, Timeout: 2 * time.Second, FailAfter: 1, OKAfter: 2, Probe: chrony.Probe,
		DependsOn: chrony.DependsOn,
	}, chrony)
}

func TestChecks_SaysWhatItDoesNotKnow(t *testing.T) {
	doors := host.Open(hosttest.NewMachine(t))
	c := config.DefaultChecks()
	c.Settings = map[string]config.CheckSettings{"kublet": {}}
	_, err := checks(c, doors)
	require.ErrorContains(t, err, "checks.settings.kublet: there is no such check")
	c = config.DefaultChecks()
	c.Units = []config.UnitCheck{{Name: "kubelet", Unit: "x.service"}}
	_, err = checks(c, doors)
	require.ErrorContains(t, err, "check kubelet is listed twice")
}
