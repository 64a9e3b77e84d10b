package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Changes calls changed after every change of a link that concerns says matters, and after every change of a
// default route. It returns when ctx ends, or with an error once it can no longer be told.
//
// Both kinds always come together: IPv4 says nothing of the routes that went down with their link. A node that starts
// pods makes links and routes all the time, so most messages are read and dropped here. Messages lost because we were
// slow are one change.
func (n *Network) Changes(ctx context.Context, concerns func(link int) bool, changed func()) error {
	queue, err := subscribe(1<<(unix.RTNLGRP_LINK-1) | 1<<(unix.RTNLGRP_IPV4_ROUTE-1) | 1<<(unix.RTNLGRP_IPV6_ROUTE-1))
	if err != nil {
		return fmt.Errorf("subscribing to rtnetlink: %w", err)
	}
	defer queue.Close()
	defer endReads(ctx, queue)()
	buffer := make([]byte, 2*rtnetlinkBuffer) // no message of the kernel's is longer
	for {
		size, err := queue.Read(buffer)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, unix.ENOBUFS): // more came than we could read
			changed()
			continue
		case err != nil:
			return fmt.Errorf("reading rtnetlink: %w", err)
		}
		if matters(buffer[:size], concerns) {
			changed()
		}
	}
}

func subscribe(groups uint32) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "rtnetlink"), nil // the runtime's poller takes it
}

// matters reads the few fixed bytes of each message. One it cannot read matters.
func matters(raw []byte, concerns func(link int) bool) bool {
	found := false
	err := eachNotice(raw, func(kind uint16, payload []byte) error {
		switch kind {
		case unix.RTM_NEWLINK, unix.RTM_DELLINK:
			if len(payload) < unix.SizeofIfInfomsg {
				return errShort
			}
			found = found || concerns(int(int32(binary.NativeEndian.Uint32(payload[4:])))) //nolint:gosec // as the kernel writes it
		case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
			if len(payload) < unix.SizeofRtMsg {
				return errShort
			}
			// Every link of IPv6 brings ff00::/8, in the table of local addresses.
			r := route{family: Family(payload[0]), bits: int(payload[1]), kind: unix.RTN_UNICAST}
			found = found || (payload[4] != unix.RT_TABLE_LOCAL && r.isDefault())
		}
		return nil
	})
	return found || err != nil
}
