package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A netlinkError is the kernel's no to a request.
type netlinkError struct{ errno unix.Errno }

func (e netlinkError) Error() string { return e.errno.Error() }
func (e netlinkError) Unwrap() error { return e.errno }

var errShort = errors.New("the message ends too early")

// Requests and their answers fit into this: a link's answer is 1-2 KB, without its virtual functions and statistics.
const rtnetlinkBuffer = 16 << 10

var rtnetlinkBuffers = sync.Pool{New: func() any { return new([rtnetlinkBuffer]byte) }}

// askRoutes asks the kernel one question whose answer is one message, and hands the answer's payload to read. Nothing
// here lists anything: a listing grows with the pods of a node and can be interrupted, a question costs microseconds.
//
// Each call has a socket of its own. A question about links waits for the kernel's one lock of network configuration,
// and a driver that hangs holds it: that must not keep anybody else from asking about routes.
func askRoutes(ctx context.Context, kind uint16, payload []byte, read func(payload []byte) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("opening rtnetlink: %w", err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing is buffered in it
	if deadline, bounded := ctx.Deadline(); bounded {
		left := unix.NsecToTimeval(max(time.Until(deadline), time.Millisecond).Nanoseconds())
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &left); err != nil {
			return fmt.Errorf("bounding rtnetlink: %w", err)
		}
	}
	buffer := rtnetlinkBuffers.Get().(*[rtnetlinkBuffer]byte)
	defer rtnetlinkBuffers.Put(buffer)
	size := unix.SizeofNlMsghdr + len(payload)
	order := binary.NativeEndian
	clear(buffer[:unix.SizeofNlMsghdr])
	order.PutUint32(buffer[0:], uint32(size))
	order.PutUint16(buffer[4:], kind)
	order.PutUint16(buffer[6:], unix.NLM_F_REQUEST)
	copy(buffer[unix.SizeofNlMsghdr:], payload)
	if _, err := unix.Write(fd, buffer[:size]); err != nil {
		return fmt.Errorf("asking rtnetlink: %w", err)
	}
	n, err := unix.Read(fd, buffer[:])
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Read(fd, buffer[:])
	}
	switch {
	case errors.Is(err, unix.EAGAIN):
		return fmt.Errorf("reading rtnetlink: %w", os.ErrDeadlineExceeded)
	case err != nil:
		return fmt.Errorf("reading rtnetlink: %w", err)
	}
	return eachNotice(buffer[:n], func(kind uint16, payload []byte) error {
		if kind == unix.NLMSG_ERROR {
			return refusal(payload)
		}
		return read(payload)
	})
}

func refusal(payload []byte) error {
	if len(payload) < 4 {
		return errShort
	}
	errno := -int32(binary.NativeEndian.Uint32(payload)) //nolint:gosec // the kernel writes it signed
	if errno <= 0 {
		return fmt.Errorf("reading rtnetlink: no error %d", errno)
	}
	return netlinkError{unix.Errno(errno)}
}

// eachNotice visits the messages of one read until one brings an error.
func eachNotice(raw []byte, visit func(kind uint16, payload []byte) error) error {
	for len(raw) > 0 {
		if len(raw) < unix.SizeofNlMsghdr {
			return errShort
		}
		size := int(binary.NativeEndian.Uint32(raw))
		if size < unix.SizeofNlMsghdr || size > len(raw) {
			return errShort
		}
		if err := visit(binary.NativeEndian.Uint16(raw[4:]), raw[unix.SizeofNlMsghdr:size]); err != nil {
			return err
		}
		raw = raw[min(aligned(size), len(raw)):]
	}
	return nil
}

// eachAttribute visits the attributes behind the fixed part of a message. The kernel pads each to four bytes.
func eachAttribute(raw []byte, visit func(kind uint16, value []byte)) error {
	for len(raw) > 0 {
		if len(raw) < unix.SizeofRtAttr {
			return errShort
		}
		size := int(binary.NativeEndian.Uint16(raw))
		if size < unix.SizeofRtAttr || size > len(raw) {
			return errShort
		}
		visit(binary.NativeEndian.Uint16(raw[2:])&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), raw[unix.SizeofRtAttr:size])
		raw = raw[min(aligned(size), len(raw)):]
	}
	return nil
}

func aligned(size int) int { return (size + 3) &^ 3 }

// withAttribute appends one attribute to a request.
func withAttribute(payload []byte, kind uint16, value []byte) []byte {
	payload = binary.NativeEndian.AppendUint16(payload, uint16(unix.SizeofRtAttr+len(value)))
	payload = binary.NativeEndian.AppendUint16(payload, kind)
	payload = append(payload, value...)
	return append(payload, make([]byte, aligned(len(value))-len(value))...)
}
