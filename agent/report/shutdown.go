package report

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	logind      = "org.freedesktop.login1"
	manager     = logind + ".Manager"
	logindPath  = "/org/freedesktop/login1"
	logindAgain = 30 * time.Second
	// sayWithin bounds how long we hold up a shutdown. logind itself waits 5 s by default.
	sayWithin = 2 * time.Second
)

// A Shutdown listens to systemd-logind, which announces a shutdown before it ends any service. A machine without
// logind has none to announce; there SIGTERM has to do.
type Shutdown struct {
	// Socket of the system bus, as we see it.
	Socket string
	Report *Report
	Log    *slog.Logger
}

// Run listens until ctx ends. Trouble is a debug line: the bus may be what is broken on this node, and the checks say so.
func (s Shutdown) Run(ctx context.Context) error {
	for {
		if err := s.listen(ctx); ctx.Err() == nil {
			s.Log.Debug("not listening for shutdowns", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(logindAgain):
		}
	}
}

// listen serves one connection to the bus.
func (s Shutdown) listen(ctx context.Context) error {
	bus, err := dbus.Dial("unix:path="+s.Socket, dbus.WithContext(ctx)) // closed when ctx ends, so nothing below outlives it
	if err != nil {
		return err
	}
	defer bus.Close()
	if err := bus.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err != nil {
		return fmt.Errorf("authenticating to the bus: %w", err)
	}
	if err := bus.Hello(); err != nil {
		return fmt.Errorf("greeting the bus: %w", err)
	}
	signals := make(chan *dbus.Signal, 10)
	bus.Signal(signals)
	err = bus.AddMatchSignalContext(ctx, dbus.WithMatchInterface(manager), dbus.WithMatchMember("PrepareForShutdown"))
	if err != nil {
		return fmt.Errorf("subscribing to shutdowns: %w", err)
	}
	delay := s.inhibit(ctx, bus)
	for {
		select {
		case <-ctx.Done():
			closeFile(delay)
			return nil
		case signal, open := <-signals:
			if !open {
				closeFile(delay)
				return fmt.Errorf("the bus closed the connection")
			}
			delay = s.heard(ctx, bus, signal, delay)
		}
	}
}

// heard says Leaving before it lets the shutdown go on, and takes it back when it was called off.
func (s Shutdown) heard(ctx context.Context, bus *dbus.Conn, signal *dbus.Signal, delay *os.File) *os.File {
	if signal.Name != manager+".PrepareForShutdown" || len(signal.Body) != 1 {
		return delay
	}
	if begins, _ := signal.Body[0].(bool); !begins {
		s.Log.Info("the shutdown was called off")
		s.Report.SetRunning()
		closeFile(delay)
		return s.inhibit(ctx, bus)
	}
	s.Log.Info("this machine shuts down")
	select {
	case <-s.Report.SetLeaving():
	case <-time.After(sayWithin):
	case <-ctx.Done(): // SIGTERM: the beat loop says it itself
	}
	closeFile(delay)
	return nil
}

// inhibit asks logind to wait until the file is closed, nil if it will not: then the beat races the shutdown.
func (s Shutdown) inhibit(ctx context.Context, bus *dbus.Conn) *os.File {
	var fd dbus.UnixFD
	err := bus.Object(logind, logindPath).CallWithContext(ctx, manager+".Inhibit", 0,
		"shutdown", "bulkhead-agent", "tells the cluster that this node leaves", "delay").Store(&fd)
	if err != nil {
		s.Log.Debug("logind does not wait for us at a shutdown", "err", err)
		return nil
	}
	return os.NewFile(uintptr(fd), "inhibitor")
}

func closeFile(f *os.File) {
	if f != nil {
		_ = f.Close() // it is a pipe nobody writes to
	}
}
