package host

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	"golang.org/x/sys/unix"
)

// ErrNoSystemd says that the host was not booted with systemd. Checks branch on it: that witness does not apply.
var ErrNoSystemd = errors.New("the host does not run systemd")

// Systemd asks the service manager about named units, one at a time, over a connection that it keeps and renews.
type Systemd struct {
	paths Paths
	turn  chan struct{} // a mutex that can be waited for with a deadline

	mu   sync.Mutex // guards everything below
	conn *dbus.Conn
	way  int // where to dial first; the other one after a call failed
}

// NewSystemd prepares the door.
func NewSystemd(paths Paths) *Systemd {
	return &Systemd{paths: paths, turn: make(chan struct{}, 1)}
}

// Unit is what systemd says of a unit now. A unit it does not know has LoadState not-found.
func (s *Systemd) Unit(ctx context.Context, name string) (Unit, error) {
	if err := s.booted(); err != nil {
		return Unit{}, err
	}
	// The connection is shared: a call of another check that ran out of time closes it under ours, which has time left
	// for another one.
	var err error
	for range 2 {
		var conn *dbus.Conn
		if conn, err = s.connection(ctx); err != nil {
			return Unit{}, fmt.Errorf("connecting to systemd: %w", err)
		}
		var unit Unit
		if unit, err = readUnit(ctx, conn, name); err == nil {
			return unit, nil
		}
		s.drop(conn)
		if ctx.Err() != nil {
			break
		}
	}
	return Unit{}, fmt.Errorf("asking systemd about %s: %w", name, err)
}

// Close closes the connection. The next call opens another.
func (s *Systemd) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

func (s *Systemd) connection(ctx context.Context) (*dbus.Conn, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if conn := s.current(); conn != nil {
		return conn, nil
	}
	s.mu.Lock()
	first := s.way
	s.mu.Unlock()
	conn, way, err := dialSystemd(ctx, s.paths, first)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn, s.way = conn, way
	return conn, nil
}

func (s *Systemd) current() *dbus.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil && !s.conn.Connected() {
		s.conn.Close()
		s.conn = nil
	}
	return s.conn
}

// drop closes a connection on which a call failed, unless another call has replaced it already. A bus may be well and
// have no systemd on it, so the next one is dialled the other way first.
func (s *Systemd) drop(failed *dbus.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == failed {
		s.conn.Close()
		s.conn, s.way = nil, 1-s.way
	}
}

// readUnit asks for ten properties of some three hundred: ListUnitsByNames gives the states and the job's type in one
// call, the rest are single properties, because GetAll of a service also computes its resource accounting.
func readUnit(ctx context.Context, conn *dbus.Conn, name string) (Unit, error) {
	listed, err := conn.ListUnitsByNamesContext(ctx, []string{name})
	if err != nil {
		return Unit{}, err
	}
	if len(listed) != 1 {
		return Unit{}, fmt.Errorf("systemd listed %d units", len(listed))
	}
	unit := Unit{
		Name:        name,
		LoadState:   listed[0].LoadState,
		ActiveState: listed[0].ActiveState,
		SubState:    listed[0].SubState,
		ActiveFor:   -1,
	}
	if listed[0].JobId != 0 {
		unit.Job = listed[0].JobType
	}
	if !unit.Exists() {
		return unit, nil
	}
	r := propertyReader{ctx: ctx, conn: conn, unit: name}
	unit.InvocationID = hex.EncodeToString(property[[]byte](&r, "Unit", "InvocationID"))
	switch {
	case unit.IsActive():
		unit.ActiveFor = sinceMonotonic(property[uint64](&r, "Unit", "ActiveEnterTimestampMonotonic"))
	case unit.ActiveState == "inactive":
		unit.UnitFileState = property[string](&r, "Unit", "UnitFileState")
	}
	if isService(name) {
		unit.MainPID = int(property[uint32](&r, "Service", "MainPID"))
		unit.Restarts = property[uint32](&r, "Service", "NRestarts")
		unit.RestartAfter = microseconds(property[uint64](&r, "Service", "RestartUSec"))
		unit.Result = property[string](&r, "Service", "Result")
	}
	return unit, r.err
}

// propertyReader keeps the first error, so that a list of reads stays a list.
type propertyReader struct {
	ctx  context.Context //nolint:containedctx // lives for one readUnit
	conn *dbus.Conn
	unit string
	err  error
}

func property[T any](r *propertyReader, kind, name string) T {
	var value T
	if r.err != nil {
		return value
	}
	read, err := r.conn.GetUnitTypePropertyContext(r.ctx, r.unit, kind, name)
	if err != nil {
		r.err = fmt.Errorf("reading %s: %w", name, err)
		return value
	}
	value, ok := read.Value.Value().(T)
	if !ok {
		r.err = fmt.Errorf("reading %s: it is a %T", name, read.Value.Value())
	}
	return value
}

func isService(name string) bool {
	const suffix = ".service"
	return len(name) > len(suffix) && name[len(name)-len(suffix):] == suffix
}

// sinceMonotonic is how long ago a moment of CLOCK_MONOTONIC was, which systemd and we read from the same kernel.
func sinceMonotonic(at uint64) time.Duration {
	var now unix.Timespec
	if at == 0 || unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
		return -1
	}
	return time.Duration(now.Nano()) - microseconds(at)
}

// microseconds converts what systemd writes; infinity is its largest number.
func microseconds(n uint64) time.Duration {
	if n > math.MaxInt64/uint64(time.Microsecond) {
		return math.MaxInt64
	}
	return time.Duration(n) * time.Microsecond
}
