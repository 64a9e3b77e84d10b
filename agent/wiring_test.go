package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/internal/config"
	"github.com/bulkhead-dev/bulkhead/internal/kubeclient"
)

// A setting can be parsed, documented and never passed on. Every field of the file is looked for where it is used;
// those of checks are in checks_test.go, log, hostRoot and healthAddress in main_test.go.
func TestWiring_PassesOnEveryField(t *testing.T) {
	c, err := config.Load("../internal/config/testdata/agent/every-field.good.yaml", config.DefaultAgent())
	require.NoError(t, err)
	kube := kubeOptions(c, slog.New(slog.DiscardHandler))
	require.Equal(t, "/etc/bulkhead/kubeconfig", kube.Kubeconfig)
	require.Equal(t, []string{"10.0.0.1:6443", "[fd00::1]:6443"}, kube.Servers)
	require.Equal(t, "/tmp/bulkhead", kube.StateDir)

	client, err := kubeclient.NewFor(&rest.Config{Host: "https://127.0.0.1:1"}, kubeclient.Options{})
	require.NoError(t, err)
	options, err := reportOptions(c, host.Paths{}, client)
	require.NoError(t, err)
	require.Equal(t, "n1", options.Node)
	require.Regexp(t, "^n1/.{8}$", options.Holder)
	require.Len(t, options.BootID, 36)
	require.Equal(t, "dev", options.Version)
	require.Empty(t, options.Address(), "nobody can dial loopback")
	require.Equal(t, config.AgentHeartbeat{
		Transport: "lease", TimeoutPercent: 70,
		MinTimeout: config.Duration{Duration: 300 * time.Millisecond}, LeavingTimeout: config.Duration{Duration: 2 * time.Second},
	}, options.Beats)
	require.Equal(t, config.AgentReport{
		Timeout: config.Duration{Duration: 900 * time.Millisecond}, MaxRetry: config.Duration{Duration: 5 * time.Second},
	}, options.Status)
}

func TestReportOptions_NeedABootID(t *testing.T) {
	client, err := kubeclient.NewFor(&rest.Config{Host: "https://127.0.0.1:1"}, kubeclient.Options{})
	require.NoError(t, err)
	_, err = reportOptions(config.DefaultAgent(), hosttest.NewMachine(t), client)
	require.ErrorContains(t, err, "check that hostRoot is where the host's files are")
}

func TestTurning_StallsWhenACheckIsNoLongerLookedAt(t *testing.T) {
	c := check.Check{Name: "kubelet", Interval: 2 * time.Second}
	turning, err := newTurning([]check.Check{c}, prometheus.NewRegistry())
	require.NoError(t, err)
	now := time.Now()
	late := 2*time.Second + c.Deadline() + slack + time.Second
	require.Empty(t, turning.stalled(now))
	require.Contains(t, turning.stalled(now.Add(late)), "check kubelet has not been looked at", "not even once")
	turning.Looked("kubelet", check.Unknown, time.Millisecond)
	require.Empty(t, turning.stalled(now.Add(slack)), "a look that could not tell is a look")
	require.NotEmpty(t, turning.stalled(now.Add(2*late)))
	turning.Believed("kubelet", check.NotApplicable)
	turning.Looked("kubelet", check.Unknown, time.Millisecond)
	require.Empty(t, turning.stalled(now.Add(late)), "what is not there is looked for seldom")
	require.NotEmpty(t, turning.stalled(now.Add(2*late)))
}
