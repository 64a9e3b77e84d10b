package host

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
)

// ErrNoCRI says that something answers on the socket and does not serve the CRI: a containerd with that plugin off.
var ErrNoCRI = errors.New("it does not serve the CRI v1 runtime service")

// criService is in front of the names of the CRI's calls.
const criService = "/runtime.v1.RuntimeService/"

// CRI asks a container runtime over its socket. One connection is used until it breaks.
type CRI struct {
	socket    string
	transport *http.Transport

	mu   sync.Mutex // guards everything below
	conn *http.ClientConn
	file os.FileInfo // the socket that conn was made for
}

// NewCRI prepares the door to a socket, as we see it.
func NewCRI(socket string) *CRI { return &CRI{socket: socket, transport: newGRPCTransport(socket)} }

// RuntimeStatus is what a runtime says of itself.
type RuntimeStatus struct {
	RuntimeReady  bool
	RuntimeReason string // why it is not ready
	NetworkReady  bool
	NetworkReason string
}

// Status asks the runtime for its conditions. A status the runtime itself answers with is a *CallError.
func (c *CRI) Status(outer, asked context.Context) (RuntimeStatus, error) {
	raw, err := c.ask(outer, asked, "Status", nil)
	if err != nil {
		return RuntimeStatus{}, err
	}
	return parseRuntimeStatus(raw)
}

// Name is what the runtime calls itself: containerd, cri-o.
func (c *CRI) Name(outer, asked context.Context) (string, error) {
	raw, err := c.ask(outer, asked, "Version", nil)
	if err != nil {
		return "", err
	}
	return parseRuntimeName(raw)
}

// ask makes a call of the CRI that has one answer.
//
// A kept connection may end while the call is made, by a server that is well: then it is made once more on another.
func (c *CRI) ask(outer, asked context.Context, name string, request []byte) ([]byte, error) {
	message, again, err := c.askOnce(outer, asked, name, request)
	if again {
		message, _, err = c.askOnce(outer, asked, name, request)
	}
	return message, err
}

// askOnce also says whether another connection might do better.
func (c *CRI) askOnce(outer, asked context.Context, name string, request []byte) (message []byte, again bool, err error) {
	conn, isKept, err := c.connection(asked)
	if err != nil {
		return nil, false, observed(outer, err)
	}
	message, err = unary(asked, conn, criService+name, request)
	if err != nil {
		_, isAnswer := errors.AsType[*CallError](err)
		return nil, isKept && !isAnswer && !isOver(asked), c.failed(outer, asked, conn, err)
	}
	return message, false, nil
}

func unary(ctx context.Context, conn *http.ClientConn, method string, request []byte) ([]byte, error) {
	call, err := startGRPC(ctx, conn, method, request, func() {})
	if err != nil {
		return nil, err
	}
	defer call.close()
	return call.only()
}

// connection is the one that is kept, as long as its socket is the one that callers find: a runtime whose socket was
// removed or replaced still answers those that were connected before, and nobody else.
func (c *CRI) connection(ctx context.Context) (conn *http.ClientConn, isKept bool, err error) {
	file, err := os.Stat(c.socket)
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, os.ErrNotExist) {
		c.drop()
		return nil, false, ErrAbsent
	}
	isThere := err != nil || os.SameFile(file, c.file)
	if c.conn != nil && isThere && c.conn.Err() == nil {
		return c.conn, true, nil
	}
	c.drop()
	c.conn, err = c.transport.NewClientConn(ctx, "http", "localhost:80") // the socket's: nobody looks at the address
	c.file = file
	return c.conn, false, err
}

// failed says how the runtime failed. Unless it answered, the connection is closed: the next call dials and does not
// trust the past.
func (c *CRI) failed(outer, asked context.Context, conn *http.ClientConn, err error) error {
	if answered, isAnswer := errors.AsType[*CallError](err); isAnswer {
		return answer(outer, answered)
	}
	c.mu.Lock()
	if c.conn == conn {
		c.drop()
	}
	c.mu.Unlock()
	switch {
	case isOver(outer):
		return errors.Join(outer.Err(), err)
	case isOver(asked):
		return ErrSilent
	default:
		return ErrRefused // it hung up, or does not speak HTTP/2
	}
}

// answer sorts the statuses that say no more than a lost connection.
func answer(outer context.Context, err *CallError) error {
	switch err.Code {
	case CodeDeadlineExceeded, CodeCanceled:
		return observed(outer, context.DeadlineExceeded)
	case CodeUnavailable:
		return ErrRefused
	case CodeUnimplemented:
		return ErrNoCRI
	default:
		return err
	}
}

// Close lets go of the connection.
func (c *CRI) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop()
	return nil
}

// drop is called with mu held.
func (c *CRI) drop() {
	if c.conn != nil {
		_ = c.conn.Close() // whoever still waits for it is told so
		c.conn = nil
	}
}
