package host

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// ErrNoCRI says that something answers on the socket and does not serve the CRI: a containerd with that plugin off.
var ErrNoCRI = errors.New("it does not serve the CRI v1 runtime service")

// CRI asks a container runtime over its socket. One connection is used until a call on it fails.
//
// The binary is built with -tags grpcnotrace, which drops gRPC's tracing pages and 2 MB of memory.
type CRI struct {
	socket string

	mu      sync.Mutex // guards everything below
	conn    *grpc.ClientConn
	file    os.FileInfo // the socket that conn was made for
	dialErr error       // of the latest dial; gRPC itself keeps only its text
}

// NewCRI prepares the door to a socket, as we see it.
func NewCRI(socket string) *CRI { return &CRI{socket: socket} }

// RuntimeStatus is what a runtime says of itself.
type RuntimeStatus struct {
	RuntimeReady  bool
	RuntimeReason string // why it is not ready
	NetworkReady  bool
	NetworkReason string
}

// Status asks the runtime for its conditions. A status the runtime itself answers with is a *status.Error of gRPC.
func (c *CRI) Status(outer, asked context.Context) (RuntimeStatus, error) {
	conn, err := c.connection()
	if err != nil {
		return RuntimeStatus{}, err
	}
	response, err := cri.NewRuntimeServiceClient(conn).Status(asked, &cri.StatusRequest{})
	if err != nil {
		return RuntimeStatus{}, c.failed(outer, conn, err)
	}
	return conditions(response), nil
}

func conditions(response *cri.StatusResponse) RuntimeStatus {
	var s RuntimeStatus
	for _, condition := range response.GetStatus().GetConditions() {
		why := condition.GetReason()
		if condition.GetMessage() != "" {
			why += ": " + condition.GetMessage()
		}
		switch condition.GetType() {
		case cri.RuntimeReady:
			s.RuntimeReady, s.RuntimeReason = condition.GetStatus(), why
		case cri.NetworkReady:
			s.NetworkReady, s.NetworkReason = condition.GetStatus(), why
		}
	}
	return s
}

// connection is the one that is kept, as long as its socket is the one that callers find: a runtime whose socket was
// removed or replaced still answers those that were connected before, and nobody else.
func (c *CRI) connection() (*grpc.ClientConn, error) {
	file, err := os.Stat(c.socket)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrAbsent
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil && (err != nil || os.SameFile(file, c.file)) {
		return c.conn, nil
	}
	if c.conn != nil {
		_ = c.conn.Close() // to a socket that is no longer there
	}
	conn, err := grpc.NewClient("passthrough:///"+c.socket,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"),
		grpc.WithDisableServiceConfig(),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			plain, err := (&net.Dialer{}).DialContext(ctx, "unix", c.socket)
			c.noteDial(err)
			return plain, err
		}))
	c.conn, c.file, c.dialErr = conn, file, nil
	return conn, err
}

func (c *CRI) noteDial(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialErr = err
}

// failed closes the connection, so that the next call dials and neither waits for gRPC's backoff nor trusts the past,
// and says how the runtime failed.
func (c *CRI) failed(outer context.Context, conn *grpc.ClientConn, err error) error {
	c.mu.Lock()
	dialErr := c.dialErr
	if c.conn == conn {
		c.conn = nil
	}
	c.mu.Unlock()
	_ = conn.Close() // it failed: there is nothing to lose

	switch status.Code(err) {
	case codes.DeadlineExceeded, codes.Canceled:
		return observed(outer, context.DeadlineExceeded)
	case codes.Unavailable:
		if isOver(outer) {
			return errors.Join(outer.Err(), err)
		}
		if dialErr != nil {
			return observed(outer, dialErr)
		}
		return ErrRefused
	case codes.Unimplemented:
		return ErrNoCRI
	default:
		return err
	}
}

// Close lets go of the connection.
func (c *CRI) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return nil
	}
	conn := c.conn
	c.conn = nil
	return conn.Close()
}
