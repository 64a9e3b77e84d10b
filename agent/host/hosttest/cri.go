package hosttest

import (
	"context"
	"sync"
	"testing"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// CRI is a container runtime of which only Status is served.
type CRI struct {
	cri.UnimplementedRuntimeServiceServer
	server *grpc.Server

	mu     sync.Mutex // guards everything below
	status host.RuntimeStatus
	err    error
	frozen chan struct{} // not nil: calls wait for it
}

// StartCRI serves on a socket of the machine. The runtime is ready.
func StartCRI(t *testing.T, paths host.Paths, socket string) *CRI {
	t.Helper()
	c := &CRI{server: grpc.NewServer(), status: host.RuntimeStatus{RuntimeReady: true, NetworkReady: true}}
	cri.RegisterRuntimeServiceServer(c.server, c)
	listener := Listen(t, paths, socket)
	go func() { _ = c.server.Serve(listener) }()
	t.Cleanup(func() {
		c.Thaw()
		c.server.Stop()
	})
	return c
}

// Say sets what Status answers.
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

// Status is the CRI's call.
func (c *CRI) Status(ctx context.Context, _ *cri.StatusRequest) (*cri.StatusResponse, error) {
	c.mu.Lock()
	status, err, frozen := c.status, c.err, c.frozen
	c.mu.Unlock()
	if frozen != nil {
		select {
		case <-frozen:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err != nil {
		return nil, err
	}
	return &cri.StatusResponse{Status: &cri.RuntimeStatus{Conditions: []*cri.RuntimeCondition{
		{Type: cri.RuntimeReady, Status: status.RuntimeReady, Reason: status.RuntimeReason},
		{Type: cri.NetworkReady, Status: status.NetworkReady, Reason: status.NetworkReason},
	}}}, nil
}

// StartGRPC serves gRPC without the CRI: a containerd with that plugin off.
func StartGRPC(t *testing.T, paths host.Paths, socket string) {
	t.Helper()
	server := grpc.NewServer()
	listener := Listen(t, paths, socket)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
}
