package leasebeat_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat/leasebeat"
	"github.com/bulkhead-dev/bulkhead/internal/kubeclient/kubeclienttest"
)

const soon, often = 5 * time.Second, 5 * time.Millisecond

// startPulse runs a pulse and the Source that sees it; stop ends both.
func startPulse(t *testing.T, server *kubeclienttest.Server, deliver func(heartbeat.Event)) (pulse *leasebeat.Pulse, stop func()) {
	client, kube := clientFor(t, server)
	pulse = leasebeat.NewPulse(client, "c1", leasebeat.PulseOptions{
		Every: 20 * time.Millisecond, Timeout: 200 * time.Millisecond, Overran: kube.Overran,
	})
	source := leasebeat.NewSource(client, leasebeat.SourceOptions{Pulse: pulse})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- pulse.Run(ctx) }()
	go func() { ended <- source.Watch(ctx, deliver) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-ended)
			require.NoError(t, <-ended)
		}
	}
	t.Cleanup(stop)
	return pulse, stop
}

func TestPulse_ProvesThatTheViewIsFresh(t *testing.T) {
	server := kubeclienttest.Start(t)
	pulse, stop := startPulse(t, server, func(e heartbeat.Event) { t.Errorf("a pulse is no node: %v", e) })
	for range 5 {
		from := time.Now()
		require.Eventually(t, func() bool { return pulse.FreshAt().After(from) }, soon, often)
		require.Eventually(t, func() bool { return pulse.AnsweredAt().After(from) }, soon, often)
	}
	require.NotNil(t, server.Get(leases+"controller-c1"))
	stop()
	require.Nil(t, server.Get(leases+"controller-c1"), "a process that ends takes its pulse along")
}

func TestPulse_NotFreshWhileTheServerIsSilent(t *testing.T) {
	server := kubeclienttest.Start(t)
	pulse, _ := startPulse(t, server, func(heartbeat.Event) {})
	require.Eventually(t, func() bool { return !pulse.FreshAt().IsZero() }, soon, often)
	var unanswered atomic.Int32
	server.Fail(func(r *http.Request) int {
		if r.Method == http.MethodGet {
			return 0 // listings and watches go on
		}
		unanswered.Add(1)
		return -1 // hangs
	})
	waitFor := func(n int32) { require.Eventually(t, func() bool { return unanswered.Load() >= n }, soon, often) }
	waitFor(2) // whatever was answered before has been heard of
	from := time.Now()
	waitFor(4)
	require.False(t, pulse.FreshAt().After(from))
	require.False(t, pulse.AnsweredAt().After(from))
	server.Fail(nil)
	from = time.Now()
	require.Eventually(t, func() bool { return pulse.FreshAt().After(from) }, soon, often)
}

func TestPulse_ANamesakeIsNotOurEcho(t *testing.T) {
	server := kubeclienttest.Start(t)
	client, _ := clientFor(t, server)
	alone := leasebeat.NewPulse(client, "c1", leasebeat.PulseOptions{})
	pulse, _ := startPulse(t, server, func(heartbeat.Event) {})
	require.Eventually(t, func() bool { return !pulse.FreshAt().IsZero() }, soon, often)
	require.Zero(t, alone.FreshAt())
	metadata, _ := server.Get(leases + "controller-c1")["metadata"].(kubeclienttest.Object)
	labels, _ := metadata["labels"].(kubeclienttest.Object)
	require.Equal(t, v1alpha1.HeartbeatController, labels[v1alpha1.LabelHeartbeat])
}
