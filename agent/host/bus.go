package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// The ways to systemd: the system bus, and its own socket, which root may use when the bus is dead.
var ways = [2]struct {
	name, socket string
	isBus        bool
}{
	{name: "over the bus", socket: "/run/dbus/system_bus_socket", isBus: true},
	{name: "directly", socket: "/run/systemd/private"},
}

// dialSystemd tries both ways and says which one led there.
func dialSystemd(ctx context.Context, paths Paths, first int) (*systemd.Conn, int, error) {
	var problems []error
	for _, i := range []int{first, 1 - first} {
		conn, err := dialThrough(ctx, paths.At(ways[i].socket), ways[i].isBus)
		if err == nil {
			return conn, i, nil
		}
		problems = append(problems, fmt.Errorf("%s: %w", ways[i].name, err))
	}
	return nil, first, errors.Join(problems...)
}

// dialThrough gives a bus half of the time that is left, so that a frozen one leaves some for the other way.
func dialThrough(ctx context.Context, socket string, isBus bool) (*systemd.Conn, error) {
	deadline := halfway(ctx)
	var raw []net.Conn
	conn, err := systemd.NewConnection(func() (*dbus.Conn, error) {
		plain, bus, err := dialBus(ctx, socket, deadline, isBus)
		if err == nil {
			raw = append(raw, plain)
		}
		return bus, err
	})
	if err != nil {
		return nil, err
	}
	// NewConnection talks to the bus without a context, so the sockets themselves carried the deadline until here.
	for _, plain := range raw {
		if err := plain.SetDeadline(time.Time{}); err != nil {
			conn.Close()
			return nil, err
		}
	}
	if !conn.Connected() {
		conn.Close()
		return nil, os.ErrDeadlineExceeded
	}
	return conn, nil
}

func dialBus(ctx context.Context, socket string, deadline time.Time, isBus bool) (net.Conn, *dbus.Conn, error) {
	plain, err := (&net.Dialer{Deadline: deadline}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, nil, err
	}
	if err := plain.SetDeadline(deadline); err != nil {
		return nil, nil, errors.Join(err, plain.Close())
	}
	bus, err := dbus.NewConn(buffered{bufio.NewReader(plain), plain})
	if err != nil {
		return nil, nil, errors.Join(err, plain.Close())
	}
	// EXTERNAL with the numeric uid: the user's name would need a look-up.
	err = bus.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))})
	if err == nil && isBus {
		err = bus.Hello()
	}
	if err != nil {
		return nil, nil, errors.Join(err, bus.Close())
	}
	return plain, bus, nil
}

// buffered reads ahead: godbus asks for each field by itself, thirty of them in a message.
type buffered struct {
	*bufio.Reader
	net.Conn
}

func (b buffered) Read(p []byte) (int, error) { return b.Reader.Read(p) }

func halfway(ctx context.Context) time.Time {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return time.Now().Add(5 * time.Second)
	}
	return time.Now().Add(time.Until(deadline) / 2)
}
