package host

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// How a daemon failed to answer. Checks branch on these: they are observations. Every other error means that we could
// not ask (permission denied, no file descriptors), which says nothing about the daemon.
var (
	// ErrSilent: it was asked and did not answer by the deadline, or its queue of connections is full.
	ErrSilent = errors.New("it does not answer")
	// ErrRefused: nothing listens on its address, or it hung up.
	ErrRefused = errors.New("it refuses connections")
	// ErrAbsent: there is no such socket.
	ErrAbsent = errors.New("its socket does not exist")
)

// observed sorts an error of a call whose own deadline was asked's. outer is the caller's context: when that has ended
// too, it was not the daemon who ran out of time.
//
//	asked's deadline passed, outer's did not -> ErrSilent
//	queue full (EAGAIN on a unix socket)     -> ErrSilent: frozen for so long that nobody takes connections out
//	connection refused, reset, closed        -> ErrRefused
//	no such file                             -> ErrAbsent
//	anything else                            -> as it is
func observed(outer context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case isOver(outer):
		return errors.Join(outer.Err(), err)
	case errors.Is(err, syscall.EAGAIN), isTimeout(err):
		return ErrSilent
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrRefused
	case errors.Is(err, os.ErrNotExist):
		return ErrAbsent
	default:
		return err
	}
}

// isOver looks at the clock too: a socket's deadline can strike a moment before its context's timer.
func isOver(ctx context.Context) bool {
	deadline, bounded := ctx.Deadline()
	return ctx.Err() != nil || (bounded && !time.Now().Before(deadline))
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &timeout) && timeout.Timeout())
}
