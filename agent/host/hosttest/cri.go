package hosttest

import (
	"context"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// CRI is a container runtime on a real socket: Status, Version, lists of what the test put there, and events.
type CRI struct {
	cri.UnimplementedRuntimeServiceServer
	server *grpc.Server

	mu      sync.Mutex // guards everything below
	status  host.RuntimeStatus
	err     error
	frozen  chan struct{} // not nil: calls wait for it
	name    string
	machine containers
	readers map[chan *cri.ContainerEventResponse]bool
	mute    bool // tells of no events
	lossy   bool // forgets to
	calls   map[string]int
}

// StartCRI serves on a socket of the machine. The runtime is ready.
func StartCRI(t testing.TB, paths host.Paths, socket string) *CRI {
	t.Helper()
	c := &CRI{
		server: grpc.NewServer(), status: host.RuntimeStatus{RuntimeReady: true, NetworkReady: true}, name: "fake",
		machine: newContainers(), readers: map[chan *cri.ContainerEventResponse]bool{}, calls: map[string]int{},
	}
	cri.RegisterRuntimeServiceServer(c.server, c)
	listener := Listen(t, paths, socket)
	go func() { _ = c.server.Serve(listener) }()
	t.Cleanup(func() {
		c.Thaw()
		c.server.Stop()
	})
	return c
}

// Say sets what Status answers; an error is what every call answers.
func (c *CRI) Say(s host.RuntimeStatus, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status, c.err = s, err
}

// Freeze lets calls wait, on connections old and new.
func (c *CRI) Freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen = make(chan struct{})
}

// Thaw lets them go on.
func (c *CRI) Thaw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frozen != nil {
		close(c.frozen)
		c.frozen = nil
	}
}

// Kill ends the runtime and its connections.
func (c *CRI) Kill() { c.server.Stop() }

// Calls says how often a call was made.
func (c *CRI) Calls(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[name]
}

// enter is the beginning of every call: it waits while the runtime is frozen.
func (c *CRI) enter(ctx context.Context, call string) error {
	c.mu.Lock()
	c.calls[call]++
	err, frozen := c.err, c.frozen
	c.mu.Unlock()
	if frozen != nil {
		select {
		case <-frozen:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// Status is the CRI's call.
func (c *CRI) Status(ctx context.Context, _ *cri.StatusRequest) (*cri.StatusResponse, error) {
	if err := c.enter(ctx, "Status"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return &cri.StatusResponse{Status: &cri.RuntimeStatus{Conditions: []*cri.RuntimeCondition{
		{Type: cri.RuntimeReady, Status: c.status.RuntimeReady, Reason: c.status.RuntimeReason},
		{Type: cri.NetworkReady, Status: c.status.NetworkReady, Reason: c.status.NetworkReason},
	}}}, nil
}

// Version is the CRI's call.
func (c *CRI) Version(ctx context.Context, _ *cri.VersionRequest) (*cri.VersionResponse, error) {
	if err := c.enter(ctx, "Version"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return &cri.VersionResponse{Version: "0.1.0", RuntimeName: c.name, RuntimeVersion: "1.0.0", RuntimeApiVersion: "v1"}, nil
}

// ListContainers is the CRI's call.
func (c *CRI) ListContainers(ctx context.Context, _ *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	if err := c.enter(ctx, "ListContainers"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return &cri.ListContainersResponse{Containers: c.machine.list()}, nil
}

// ListPodSandbox is the CRI's call.
func (c *CRI) ListPodSandbox(ctx context.Context, _ *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	if err := c.enter(ctx, "ListPodSandbox"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return &cri.ListPodSandboxResponse{Items: c.machine.sandboxes()}, nil
}

// ContainerStatus is the CRI's call.
func (c *CRI) ContainerStatus(ctx context.Context, r *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	if err := c.enter(ctx, "ContainerStatus"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if response := c.machine.status(r.GetContainerId()); response != nil {
		return response, nil
	}
	return nil, status.Error(codes.NotFound, "no such container")
}

// GetContainerEvents is the CRI's call. A reader that falls far behind is hung up on.
func (c *CRI) GetContainerEvents(_ *cri.GetEventsRequest, stream grpc.ServerStreamingServer[cri.ContainerEventResponse]) error {
	if err := c.enter(stream.Context(), "GetContainerEvents"); err != nil {
		return err
	}
	c.mu.Lock()
	mute := c.mute
	events := make(chan *cri.ContainerEventResponse, 4096)
	if !mute {
		c.readers[events] = true
	}
	c.mu.Unlock()
	if mute {
		return status.Error(codes.Unimplemented, "unknown method GetContainerEvents")
	}
	for {
		select {
		case event, open := <-events:
			if !open {
				return status.Error(codes.ResourceExhausted, "hung up")
			}
			if err := stream.Send(event); err != nil {
				return err
			}
		case <-stream.Context().Done():
			c.mu.Lock()
			delete(c.readers, events)
			c.mu.Unlock()
			return nil
		}
	}
}

// StartGRPC serves gRPC without the CRI: a containerd with that plugin off.
func StartGRPC(t *testing.T, paths host.Paths, socket string) {
	t.Helper()
	server := grpc.NewServer()
	listener := Listen(t, paths, socket)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
}
