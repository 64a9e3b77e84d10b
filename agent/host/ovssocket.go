package host

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// A briefSocket is a connection to a unix socket for one short exchange. It blocks its thread until the deadline, as a
// read of a file does: an answer comes in 40 us, and with Go's poller in between, as package net has it, in 65.
type briefSocket struct {
	fd       int
	deadline time.Time // zero: none
}

// dialBriefly connects to a socket by its path as we see it. The caller closes it.
func dialBriefly(ctx context.Context, path string) (*briefSocket, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a socket: %w", err)
	}
	s := &briefSocket{fd: fd}
	s.deadline, _ = ctx.Deadline()
	_, err = s.within(unix.SO_SNDTIMEO, func() (int, error) { return 0, unix.Connect(fd, &unix.SockaddrUnix{Name: path}) })
	if err != nil {
		s.Close()
		return nil, ofAnother(fmt.Errorf("connecting to %s: %w", path, err))
	}
	return s, nil
}

// Read makes it an io.Reader.
func (s *briefSocket) Read(into []byte) (int, error) {
	n, err := s.within(unix.SO_RCVTIMEO, func() (int, error) { return unix.Read(s.fd, into) })
	switch {
	case err != nil:
		return 0, fmt.Errorf("reading the answer: %w", err)
	case n == 0 && len(into) > 0:
		return 0, io.EOF
	default:
		return n, nil
	}
}

// ask writes a question, short enough for the socket's buffer.
func (s *briefSocket) ask(question string) error {
	_, err := s.within(unix.SO_SNDTIMEO, func() (int, error) { return unix.Write(s.fd, []byte(question)) })
	if err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	return nil
}

// within makes a call that waits no longer than the deadline allows: the kernel ends it with EAGAIN.
func (s *briefSocket) within(timeout int, call func() (int, error)) (int, error) {
	return again(func() (int, error) {
		if s.deadline.IsZero() {
			return call()
		}
		left := time.Until(s.deadline)
		if left < time.Microsecond { // nothing would mean for ever
			return 0, context.DeadlineExceeded
		}
		bound := unix.NsecToTimeval(left.Nanoseconds())
		if err := unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, timeout, &bound); err != nil {
			return 0, err
		}
		return call()
	})
}

// Close hangs up.
func (s *briefSocket) Close() { _ = unix.Close(s.fd) }
