package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/network"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
	"github.com/bulkhead-dev/bulkhead/internal/kubeclient"
)

// The wiring of what the network's checks learn from the rest of the agent, beside the fields of the file.
func TestKnows_ConnectsEveryPart(t *testing.T) {
	c, err := config.Load("../internal/config/testdata/agent/every-field.good.yaml", config.DefaultAgent())
	require.NoError(t, err)
	t.Setenv("HOST_IP", "10.0.0.9")
	kube, err := kubeclient.NewFor(&rest.Config{Host: "https://10.0.0.1:6443"}, kubeOptions(config.Agent{APIServers: c.APIServers}, nil))
	require.NoError(t, err)
	options, err := reportOptions(c, host.Paths{}, kube)
	require.NoError(t, err)
	told, ok := options.Publisher.(heartbeat.Told)
	require.True(t, ok)
	cluster := (&agent{kube: kube, told: told}).knows()
	require.Equal(t, netip.MustParseAddr("10.0.0.9"), cluster.Address())
	require.Contains(t, cluster.Servers(), "10.0.0.1:6443")
	require.Contains(t, cluster.Servers(), "[fd00::1]:6443", "those given")
	require.True(t, cluster.LastAnswer().IsZero())
	require.Equal(t, time.Second, cluster.Period())
	require.Empty(t, cluster.Peers())
}

func TestNetworkChecks_WhatIsFurtherOutIsExplainedByWhatIsFurtherIn(t *testing.T) {
	on := map[check.Name][]check.Name{}
	for _, c := range networkChecks(config.DefaultChecks().Network, host.Open(host.Paths{}), network.Cluster{}) {
		on[c.Name] = c.DependsOn
		require.Contains(t, c.Needs, check.NeedHostNetwork)
		require.Less(t, c.Deadline(), c.Interval)
	}
	require.Empty(t, on["link"])
	require.Equal(t, []check.Name{"link"}, on["route"])
	for _, outer := range []check.Name{"dns", "apiserver", "peers"} {
		require.Equal(t, []check.Name{"link", "route", "conntrack"}, on[outer])
	}
}
