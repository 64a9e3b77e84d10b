package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrNoLink says that there is no such network interface. Checks branch on it: that is an observation.
var ErrNoLink = errors.New("no such network interface")

// Network asks the kernel about the links and routes of the network namespace we run in, by rtnetlink: in a pod with
// hostNetwork that is the host's, while /sys/class/net shows the namespace it was mounted in. It needs no capability.
type Network struct{}

// A Link is one network interface at one moment.
type Link struct {
	Index   int
	Name    string
	Enabled bool   // somebody set it up
	Carrier bool   // the driver sees a cable, a peer, or lower links
	State   string // RFC 2863: up, down, lowerlayerdown, dormant, testing, notpresent; unknown for drivers that do not say
	Changes uint32 // how often the carrier came or went
}

// skipStatistics asks for a link without its counters, a third of the answer.
const skipStatistics = 1 << 3 // RTEXT_FILTER_SKIP_STATS

// Link is the interface with that index.
func (n *Network) Link(ctx context.Context, index int) (Link, error) {
	link, err := askLink(ctx, index, "")
	return link, about(fmt.Sprintf("asking about link %d", index), err)
}

// LinkNamed is the interface of that name: one that was removed and made anew has another index.
func (n *Network) LinkNamed(ctx context.Context, name string) (Link, error) {
	link, err := askLink(ctx, 0, name)
	return link, about("asking about link "+name, err)
}

func askLink(ctx context.Context, index int, name string) (link Link, err error) {
	request := make([]byte, unix.SizeofIfInfomsg, 64)
	binary.NativeEndian.PutUint32(request[4:], uint32(index)) //nolint:gosec // the kernel gave it
	if name != "" {
		request = withAttribute(request, unix.IFLA_IFNAME, append([]byte(name), 0))
	}
	request = withAttribute(request, unix.IFLA_EXT_MASK, binary.NativeEndian.AppendUint32(nil, skipStatistics))
	err = askRoutes(ctx, unix.RTM_GETLINK, request, func(payload []byte) (err error) {
		link, err = parseLink(payload)
		return err
	})
	// ERANGE: the name is longer than any interface's.
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ERANGE) {
		return Link{}, ErrNoLink
	}
	return link, err
}

// operStates are the kernel's numbers for Link.State.
var operStates = [...]string{"unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"}

// parseLink reads an ifinfomsg and its attributes.
func parseLink(payload []byte) (Link, error) {
	if len(payload) < unix.SizeofIfInfomsg {
		return Link{}, errShort
	}
	flags := binary.NativeEndian.Uint32(payload[8:])
	link := Link{
		Index:   int(int32(binary.NativeEndian.Uint32(payload[4:]))), //nolint:gosec // as the kernel writes it
		Enabled: flags&unix.IFF_UP != 0,
		Carrier: flags&unix.IFF_LOWER_UP != 0,
		State:   operStates[0],
	}
	err := eachAttribute(payload[unix.SizeofIfInfomsg:], func(kind uint16, value []byte) {
		switch {
		case kind == unix.IFLA_IFNAME:
			link.Name = string(bytes.TrimRight(value, "\x00"))
		case kind == unix.IFLA_OPERSTATE && len(value) == 1 && int(value[0]) < len(operStates):
			link.State = operStates[value[0]]
		case kind == unix.IFLA_CARRIER_CHANGES && len(value) == 4:
			link.Changes = binary.NativeEndian.Uint32(value)
		}
	})
	return link, err
}

func about(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
