package host

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// anywhere are addresses that only a default route leads to. Nothing is ever sent there: the kernel is asked which of
// its routes it would take. Those for documentation come first; sites that refuse them by a route of their own are why
// there is another.
var anywhere = map[Family][]netip.Addr{
	IPv4: {netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("8.8.8.8")},
	IPv6: {netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:4860:4860::8888")},
}

// A route with a prefix shorter than these is as good as a default: 0.0.0.0/1 with 128.0.0.0/1, 2000::/3. One half alone
// gets the benefit of the doubt.
const defaultBits4, defaultBits6 = 8, 16

// A route is what the kernel would take to an address.
type route struct {
	family Family
	kind   uint8 // RTN_UNICAST, RTN_LOCAL, ...
	bits   int   // of its destination
	links  []int // indexes; several with equal-cost paths, none where the kernel keeps next hops as objects
}

func (r route) isDefault() bool {
	most := defaultBits4
	if r.family == IPv6 {
		most = defaultBits6
	}
	return r.kind == unix.RTN_UNICAST && r.bits < most
}

// DefaultRoute says whether packets to anywhere else have a way, and through which links. It is the rule and route that
// would be taken, so it holds for policy routing too.
func (n *Network) DefaultRoute(ctx context.Context, family Family) (links []int, found bool, err error) {
	for _, address := range anywhere[family] {
		r, found, err := lookup(ctx, address, unix.RTM_F_FIB_MATCH)
		if err != nil {
			return nil, false, about("asking for the "+family.String()+" default route", err)
		}
		if !found || !r.isDefault() {
			continue // a route for this address alone, or one that refuses it
		}
		if len(r.links) == 0 {
			if r, _, err = lookup(ctx, address, 0); err != nil {
				return nil, false, about("asking for the "+family.String()+" default route", err)
			}
		}
		return r.links, true, nil
	}
	return nil, false, nil
}

// LinkOf is the link that has an address of ours, 0 if none has.
func (n *Network) LinkOf(ctx context.Context, address netip.Addr) (int, error) {
	r, found, err := lookup(ctx, address, unix.RTM_F_FIB_MATCH)
	if err != nil || !found || r.kind != unix.RTN_LOCAL || len(r.links) == 0 {
		return 0, about("asking for the link of "+address.String(), err)
	}
	return r.links[0], nil
}

// lookup asks for one route: with RTM_F_FIB_MATCH for the entry of the table, without for what comes of it.
func lookup(ctx context.Context, to netip.Addr, flags uint32) (r route, found bool, err error) {
	to = to.Unmap()
	request := make([]byte, unix.SizeofRtMsg, 48)
	request[0], request[1] = byte(FamilyOf(to)), byte(to.BitLen())
	binary.NativeEndian.PutUint32(request[8:], flags)
	request = withAttribute(request, unix.RTA_DST, to.AsSlice())
	err = askRoutes(ctx, unix.RTM_GETROUTE, request, func(payload []byte) (err error) {
		r, err = parseRoute(payload)
		return err
	})
	if isNoRoute(err) {
		return route{}, false, nil
	}
	return r, err == nil, err
}

// isNoRoute: there is none, or one that refuses (blackhole, prohibit, unreachable), or no such family in this kernel.
func isNoRoute(err error) bool {
	var no netlinkError
	if !errors.As(err, &no) {
		return false // an error of the socket says nothing about routes
	}
	switch no.errno { // all others are trouble of ours
	case unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ESRCH, unix.EINVAL, unix.EACCES, unix.ENETDOWN,
		unix.EAFNOSUPPORT, unix.EOPNOTSUPP:
		return true
	default:
		return false
	}
}

// parseRoute reads an rtmsg and its attributes.
func parseRoute(payload []byte) (route, error) {
	if len(payload) < unix.SizeofRtMsg {
		return route{}, errShort
	}
	r := route{family: Family(payload[0]), bits: int(payload[1]), kind: payload[7]}
	var hops []byte
	err := eachAttribute(payload[unix.SizeofRtMsg:], func(kind uint16, value []byte) {
		switch {
		case kind == unix.RTA_OIF && len(value) == 4:
			r.links = append(r.links, int(binary.NativeEndian.Uint32(value)))
		case kind == unix.RTA_MULTIPATH:
			hops = value
		}
	})
	if err != nil {
		return route{}, err
	}
	for len(hops) >= unix.SizeofRtNexthop { // each carries its own length and its link's index
		size := int(binary.NativeEndian.Uint16(hops))
		if size < unix.SizeofRtNexthop || size > len(hops) {
			return route{}, errShort
		}
		r.links = append(r.links, int(binary.NativeEndian.Uint32(hops[4:])))
		hops = hops[min(aligned(size), len(hops)):]
	}
	return r, nil
}
