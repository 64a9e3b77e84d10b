package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

const (
	systemdName    = "org.freedesktop.systemd1"
	systemdPath    = dbus.ObjectPath("/org/freedesktop/systemd1")
	systemdManager = systemdName + ".Manager"
)

var errBusClosed = errors.New("the connection was closed")

// Changes calls changed when it has begun to listen, and then whenever systemd says that a property of the unit has
// changed: its state, its job, its main process. It returns when ctx ends or the connection does; ErrNoSystemd where there is none.
//
// go-systemd's own subscriptions poll all units (#229) or are not per unit (#507). A match rule for the one object makes
// the bus send us nothing else.
func (s *Systemd) Changes(ctx context.Context, unit string, changed func()) error {
	if err := s.booted(); err != nil {
		return err
	}
	var problems []error
	for _, way := range ways {
		bus, signals, err := listen(ctx, s.paths.At(way.socket), way.isBus, unit)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", way.name, err))
			continue
		}
		return follow(ctx, bus, signals, unit, changed)
	}
	return fmt.Errorf("listening to systemd about %s: %w", unit, errors.Join(problems...))
}

// listen asks for signals of the unit. On systemd's own socket there is nobody to filter them: it sends all of them.
func listen(ctx context.Context, socket string, isBus bool, unit string) (*dbus.Conn, <-chan *dbus.Signal, error) {
	plain, bus, err := dialBus(ctx, socket, halfway(ctx), isBus)
	if err != nil {
		return nil, nil, err
	}
	signals := make(chan *dbus.Signal, 64) // godbus waits for room, in order
	bus.Signal(signals)
	if isBus {
		err = bus.AddMatchSignalContext(ctx, dbus.WithMatchObjectPath(unitPath(unit)),
			dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchMember("PropertiesChanged"))
	}
	if err == nil {
		err = bus.Object(systemdName, systemdPath).CallWithContext(ctx, systemdManager+".Subscribe", 0).Err
	}
	if err == nil {
		err = plain.SetDeadline(time.Time{}) // it was for getting here; from now on we wait
	}
	if err != nil {
		return nil, nil, errors.Join(err, bus.Close())
	}
	return bus, signals, nil
}

func follow(ctx context.Context, bus *dbus.Conn, signals <-chan *dbus.Signal, unit string, changed func()) error {
	stop := context.AfterFunc(ctx, func() { _ = bus.Close() })
	defer stop()
	defer bus.Close()
	path := unitPath(unit)
	changed()
	for signal := range signals { // closed with the connection
		if signal.Path == path {
			changed()
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errBusClosed
}

func unitPath(unit string) dbus.ObjectPath {
	return systemdPath + "/unit/" + dbus.ObjectPath(systemd.PathBusEscape(unit))
}

// booted says whether systemd is this host's init, as sd_booted(3) does.
func (s *Systemd) booted() error {
	folder, err := os.Stat(s.paths.At("/run/systemd/system"))
	switch {
	case err == nil && folder.IsDir():
		return nil
	case err == nil, errors.Is(err, os.ErrNotExist):
		return ErrNoSystemd
	default:
		return fmt.Errorf("looking for systemd: %w", err)
	}
}
