package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// nfBuffer is what one read from the kernel takes, about 60 rules.
const nfBuffer = 16 << 10

// nfsocket asks nftables over one socket that is kept. Reading an answer ourselves lets a long one be left after its
// first part: package netlink always waits for all of it.
type nfsocket struct {
	mu     sync.Mutex // guards everything below
	conn   *netlink.Conn
	buffer []byte
}

// ask visits the messages of the answer until visit says that it has seen enough. data begins behind the header, and is
// valid during the visit.
func (s *nfsocket) ask(ctx context.Context, request netlink.Message, visit func(data []byte) (enough bool)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ended, err := s.exchange(ctx, request, visit)
	if !ended && s.conn != nil {
		_ = s.conn.Close() // the rest of an answer may still come
		s.conn = nil
	}
	return err
}

func (s *nfsocket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

// exchange says whether it read the answer to its end; an error in place of an answer is one.
func (s *nfsocket) exchange(ctx context.Context, request netlink.Message, visit func([]byte) bool) (ended bool, err error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if s.conn == nil {
		conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
		if err != nil {
			return false, err
		}
		s.conn = conn
	}
	if err := s.conn.SetDeadline(deadlineOf(ctx)); err != nil {
		return false, err
	}
	sent, err := s.conn.Send(request)
	if err != nil {
		return false, err
	}
	for more := 1; more >= 0; {
		part, err := s.read()
		if err != nil {
			return false, err
		}
		ended, enough, err := eachAnswer(part, sent.Header.Sequence, visit)
		if ended || err != nil {
			return ended, err
		}
		if enough { // the end of a short answer comes next; a long one is left
			visit = func([]byte) bool { return true }
			more--
		}
	}
	return false, nil
}

// read takes what the kernel has ready, at most one buffer.
func (s *nfsocket) read() ([]byte, error) {
	if s.buffer == nil {
		s.buffer = make([]byte, nfBuffer)
	}
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var got int
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		got, _, failed = unix.Recvfrom(int(fd), s.buffer, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		return !errors.Is(failed, unix.EAGAIN) && !errors.Is(failed, unix.EINTR)
	})
	switch {
	case err != nil:
		return nil, err
	case failed != nil:
		return nil, failed
	case got > len(s.buffer):
		return nil, fmt.Errorf("the kernel sent %d bytes at once", got)
	default:
		return s.buffer[:got], nil
	}
}

// eachAnswer visits the messages of one read that answer the request with that sequence number. Others are remains of
// an answer that was left.
func eachAnswer(part []byte, sequence uint32, visit func([]byte) bool) (ended, enough bool, err error) {
	for len(part) >= unix.SizeofNlMsghdr {
		length := int(binary.NativeEndian.Uint32(part))
		if length < unix.SizeofNlMsghdr || length > len(part) {
			return false, false, fmt.Errorf("a message of %d bytes in %d", length, len(part))
		}
		kind, flags := binary.NativeEndian.Uint16(part[4:]), binary.NativeEndian.Uint16(part[6:])
		data := part[unix.SizeofNlMsghdr:length]
		isOurs := binary.NativeEndian.Uint32(part[8:]) == sequence
		part = part[min(aligned(length), len(part)):]
		switch {
		case !isOurs:
		case kind == unix.NLMSG_DONE:
			return true, enough, nil
		case kind == unix.NLMSG_ERROR:
			return true, enough, errorIn(data)
		default:
			enough = enough || visit(data)
			if flags&unix.NLM_F_MULTI == 0 {
				return true, enough, nil
			}
		}
	}
	return false, enough, nil
}

// errorIn reads the number of an error message; 0 is an acknowledgement.
func errorIn(data []byte) error {
	if len(data) < 4 {
		return errors.New("an error message without an error")
	}
	if number := int32(binary.NativeEndian.Uint32(data)); number != 0 {
		return unix.Errno(-number)
	}
	return nil
}

// nfRequest is a message to nftables, with the four bytes every one begins with: family, version, and no batch.
func nfRequest(kind uint16, family uint8, flags netlink.HeaderFlags, attributes ...netlink.Attribute) netlink.Message {
	data := []byte{family, unix.NFNETLINK_V0, 0, 0}
	for _, one := range attributes {
		data = binary.NativeEndian.AppendUint16(data, uint16(attributeHead+len(one.Data)))
		data = binary.NativeEndian.AppendUint16(data, one.Type)
		data = append(data, one.Data...)
		data = append(data, make([]byte, aligned(len(data))-len(data))...)
	}
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | kind), Flags: netlink.Request | flags},
		Data:   data,
	}
}

func text(s string) []byte { return append([]byte(s), 0) }
