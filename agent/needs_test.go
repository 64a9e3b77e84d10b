package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/network"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

const chart = "../charts/bulkhead/"

// granted is how the chart's DaemonSet grants each need that is not a capability.
var granted = map[check.Need]string{
	check.NeedHostPID:     "hostPID: true",
	check.NeedHostNetwork: "hostNetwork: true",
	check.NeedRun:         "mountPath: /host/run",
	check.NeedProc:        "mountPath: /host/proc",
	check.NeedCgroup:      "mountPath: /host/sys/fs/cgroup",
	check.NeedNodefs:      "mountPath: /host/var/lib/kubelet",
	check.NeedConfigz:     "resources: [nodes/configz]",
}

// TestNeeds_TheChartGrantsTheirSumAndNothingMore.
func TestNeeds_TheChartGrantsTheirSumAndNothingMore(t *testing.T) {
	list, err := checks(config.DefaultChecks(), host.Open(hosttest.NewMachine(t)), network.Cluster{})
	require.NoError(t, err)
	sum := map[check.Need]bool{}
	for _, c := range list {
		require.NotEmpty(t, c.Needs, "check %s declares what it needs", c.Name)
		for _, need := range c.Needs {
			sum[need] = true
		}
	}

	var capabilities []string
	for need := range sum {
		if _, other := granted[need]; !other {
			capabilities = append(capabilities, string(need))
		}
	}
	raw, err := os.ReadFile(chart + "values.yaml")
	require.NoError(t, err)
	var values struct {
		Agent struct {
			Capabilities []string `json:"capabilities"`
		} `json:"agent"`
	}
	require.NoError(t, yaml.Unmarshal(raw, &values))
	slices.Sort(capabilities)
	slices.Sort(values.Agent.Capabilities)
	require.Equal(t, capabilities, values.Agent.Capabilities)

	daemonset, err := os.ReadFile(chart + "templates/agent/daemonset.yaml")
	require.NoError(t, err)
	rights, err := os.ReadFile(chart + "templates/agent/rbac.yaml")
	require.NoError(t, err)
	for need, text := range granted {
		require.Equal(t, sum[need], slices.ContainsFunc([]string{string(daemonset), string(rights)}, func(file string) bool {
			return containsLine(file, text)
		}), "%s is needed by a check: %t", need, sum[need])
	}
}

func containsLine(file, text string) bool {
	for line := range strings.Lines(file) {
		if strings.TrimSpace(line) == text {
			return true
		}
	}
	return false
}
