package containers

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// BenchmarkLook is one healthy look at 500 containers, in memory.
func BenchmarkLook(b *testing.B) {
	node := aNode(with(500))
	b.ReportAllocs()
	for b.Loop() {
		judge(node, limits, now)
	}
}

// BenchmarkReconcile is one listing of 500 containers over a socket, client and server together.
func BenchmarkReconcile(b *testing.B) {
	probe := aNodeToMeasure(b, 500)
	r, err := probe.found(b.Context())
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		require.True(b, probe.reconcile(b.Context(), r))
	}
}

// BenchmarkTake is what the agent does with such a listing once it is read.
func BenchmarkTake(b *testing.B) {
	var l listing
	for i := range 500 {
		id := fmt.Sprint("pod", i)
		l.sandboxes = append(l.sandboxes, host.Sandbox{ID: id, Ready: true})
		l.containers = append(l.containers, host.Container{ID: id + "/app", Sandbox: id, Name: "app", State: host.ContainerRunning, Created: ago(time.Hour)})
	}
	s := newState()
	b.ReportAllocs()
	for b.Loop() {
		s.take(l, now, MaxContainers)
	}
}

// BenchmarkEvent is an exit and a start among 500 containers.
func BenchmarkEvent(b *testing.B) {
	probe := New(config.DefaultContainers(), nil, host.Doors{})
	probe.runtime, probe.state = &runtime{}, aNode(with(500))
	b.ReportAllocs()
	for b.Loop() {
		probe.happened(probe.runtime, host.ContainerEvent{ID: "pod7/app", Kind: host.ContainerStopped, ExitCode: 1}, now)
		probe.happened(probe.runtime, host.ContainerEvent{ID: "pod7/app", Kind: host.ContainerStarted}, now)
	}
}

func aNodeToMeasure(b *testing.B, pods int) *Probe {
	b.Helper()
	paths := hosttest.NewMachine(b)
	server := hosttest.StartCRI(b, paths, socket)
	for i := range pods {
		server.Pod(fmt.Sprint("pod", i), true)
		server.Run(fmt.Sprint("pod", i), "app", 0, time.Hour)
	}
	doors := host.Open(paths)
	b.Cleanup(doors.Close)
	return New(config.DefaultContainers(), func(context.Context) (string, error) { return socket, nil }, doors)
}
