package host

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func linkMessage(index int32, flags uint32, attributes ...[]byte) []byte {
	raw := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(raw[4:], uint32(index))
	binary.NativeEndian.PutUint32(raw[8:], flags)
	return slices.Concat(append([][]byte{raw}, attributes...)...)
}

func rta(kind uint16, value ...byte) []byte { return withAttribute(nil, kind, value) }

func u32(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func TestParseLink(t *testing.T) {
	link, err := parseLink(linkMessage(7, unix.IFF_UP|unix.IFF_LOWER_UP,
		rta(unix.IFLA_IFNAME, 'e', 't', 'h', '0', 0), rta(unix.IFLA_OPERSTATE, 6),
		rta(unix.IFLA_CARRIER_CHANGES, u32(12)...), rta(unix.IFLA_AF_SPEC|unix.NLA_F_NESTED, 1, 2, 3)))
	require.NoError(t, err)
	require.Equal(t, Link{Index: 7, Name: "eth0", Enabled: true, Carrier: true, State: "up", Changes: 12}, link)

	link, err = parseLink(linkMessage(8, unix.IFF_UP, rta(unix.IFLA_OPERSTATE, 99)))
	require.NoError(t, err)
	require.Equal(t, Link{Index: 8, Enabled: true, State: "unknown"}, link, "a state of a later kernel")
}

func TestParseRoute(t *testing.T) {
	header := func(bits, kind byte) []byte {
		return []byte{unix.AF_INET, bits, 0, 0, 254, 0, 0, kind, 0, 0, 0, 0}
	}
	hop := func(index uint32) []byte {
		raw := append([]byte{16, 0, 0, 0}, u32(index)...)
		return append(raw, rta(unix.RTA_GATEWAY, 10, 0, 0, 1)...)
	}
	for name, c := range map[string]struct {
		payload   []byte
		links     []int
		isDefault bool
	}{
		"one way":              {append(header(0, unix.RTN_UNICAST), rta(unix.RTA_OIF, u32(3)...)...), []int{3}, true},
		"equal-cost ways":      {append(header(0, unix.RTN_UNICAST), rta(unix.RTA_MULTIPATH, append(hop(3), hop(4)...)...)...), []int{3, 4}, true},
		"next hops as objects": {header(0, unix.RTN_UNICAST), nil, true},
		"two halves":           {append(header(1, unix.RTN_UNICAST), rta(unix.RTA_OIF, u32(5)...)...), []int{5}, true},
		"one network":          {append(header(24, unix.RTN_UNICAST), rta(unix.RTA_OIF, u32(3)...)...), []int{3}, false},
		"a blackhole":          {header(0, unix.RTN_BLACKHOLE), nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := parseRoute(c.payload)
			require.NoError(t, err)
			require.Equal(t, c.links, r.links)
			require.Equal(t, c.isDefault, r.isDefault())
		})
	}
}

func TestMatters_OnlyOurLinksAndDefaultRoutes(t *testing.T) {
	message := func(kind uint16, payload []byte) []byte {
		raw := make([]byte, unix.SizeofNlMsghdr)
		binary.NativeEndian.PutUint32(raw, uint32(len(raw)+len(payload)))
		binary.NativeEndian.PutUint16(raw[4:], kind)
		return slices.Concat(raw, payload)
	}
	routeTo := func(bits byte) []byte {
		return message(unix.RTM_DELROUTE, []byte{unix.AF_INET, bits, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0})
	}
	concerns := func(link int) bool { return link == 2 }
	require.True(t, matters(message(unix.RTM_NEWLINK, linkMessage(2, 0)), concerns))
	require.False(t, matters(message(unix.RTM_NEWLINK, linkMessage(3, 0)), concerns), "a pod's")
	require.True(t, matters(append(message(unix.RTM_NEWLINK, linkMessage(3, 0)), routeTo(0)...), concerns), "several at once")
	require.False(t, matters(routeTo(32), concerns), "a pod's")
	multicast := message(unix.RTM_NEWROUTE, []byte{unix.AF_INET6, 8, 0, 0, unix.RT_TABLE_LOCAL, 0, 0, unix.RTN_MULTICAST, 0, 0, 0, 0})
	require.False(t, matters(multicast, concerns), "every link brings one")
	require.True(t, matters([]byte{1, 2, 3}, concerns), "one that cannot be read matters")
}

func TestNetwork_KnowsLoopback(t *testing.T) {
	var n Network
	link, err := n.LinkNamed(t.Context(), "lo")
	require.NoError(t, err)
	require.Equal(t, "lo", link.Name)
	again, err := n.Link(t.Context(), link.Index)
	require.NoError(t, err)
	require.Equal(t, link, again)
	_, err = n.LinkNamed(t.Context(), "nosuchlink0")
	require.ErrorIs(t, err, ErrNoLink)
	_, err = n.Link(t.Context(), 1<<30)
	require.ErrorIs(t, err, ErrNoLink)
	index, err := n.LinkOf(t.Context(), netip.MustParseAddr("203.0.113.7"))
	require.NoError(t, err)
	require.Zero(t, index, "not ours")
}

func FuzzRTNetlink(f *testing.F) {
	f.Add(linkMessage(7, unix.IFF_UP, rta(unix.IFLA_IFNAME, 'l', 'o', 0), rta(unix.IFLA_OPERSTATE, 6)))
	f.Add(append([]byte{unix.AF_INET, 0, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0}, rta(unix.RTA_MULTIPATH, 8, 0, 0, 0, 3, 0, 0, 0)...))
	f.Add([]byte{20, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xed, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if link, err := parseLink(raw); err == nil {
			require.NotEmpty(t, link.State)
		}
		if r, err := parseRoute(raw); err == nil {
			require.LessOrEqual(t, len(r.links), len(raw)/4)
		}
		_ = eachNotice(raw, func(kind uint16, payload []byte) error {
			if kind == unix.NLMSG_ERROR {
				require.Error(t, refusal(payload))
			}
			return nil
		})
		matters(raw, func(int) bool { return false })
	})
}
