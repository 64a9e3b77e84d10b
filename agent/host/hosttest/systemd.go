package hosttest

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// The sockets on which systemd can be asked.
const (
	BusSocket     = "/run/dbus/system_bus_socket"
	PrivateSocket = "/run/systemd/private"
)

// Systemd answers the calls that host.Systemd makes, over real D-Bus messages.
type Systemd struct {
	t     *testing.T
	paths host.Paths

	mu        sync.Mutex // guards everything below
	units     map[string]host.Unit
	frozen    bool
	listeners map[string]net.Listener
	conns     map[net.Conn]*caller
}

// A caller is one connection. Replies and signals are written by different goroutines.
type caller struct {
	socket string

	mu         sync.Mutex // guards what is written, and everything below
	subscribed bool
}

// StartSystemd boots the machine with systemd and a message bus.
func StartSystemd(t *testing.T, paths host.Paths) *Systemd {
	t.Helper()
	return StartSystemdAt(t, paths, BusSocket)
}

// StartSystemdAt boots it with one of its sockets.
func StartSystemdAt(t *testing.T, paths host.Paths, socket string) *Systemd {
	t.Helper()
	require.NoError(t, os.MkdirAll(paths.At("/run/systemd/system"), 0o755))
	s := &Systemd{
		t: t, paths: paths,
		units:     map[string]host.Unit{},
		listeners: map[string]net.Listener{},
		conns:     map[net.Conn]*caller{},
	}
	s.Start(socket)
	t.Cleanup(func() {
		s.Stop(BusSocket)
		s.Stop(PrivateSocket)
	})
	return s
}

// Set gives a unit a state; its MainPID and the rest are as u says.
func (s *Systemd) Set(u host.Unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.LoadState == "" {
		u.LoadState = "loaded"
	}
	s.units[u.Name] = u
}

// Freeze lets it read and never answer; Thaw ends that for later calls.
func (s *Systemd) Freeze() { s.setFrozen(true) }

// Thaw ends Freeze.
func (s *Systemd) Thaw() { s.setFrozen(false) }

func (s *Systemd) setFrozen(frozen bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = frozen
}

// Start listens on a socket.
func (s *Systemd) Start(socket string) {
	s.t.Helper()
	listener := Listen(s.t, s.paths, socket)
	s.mu.Lock()
	s.listeners[socket] = listener
	s.mu.Unlock()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			c := &caller{socket: socket}
			s.conns[conn] = c
			s.mu.Unlock()
			go s.serve(conn, c)
		}
	}()
}

// Stop closes a socket and its connections.
func (s *Systemd) Stop(socket string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if listener := s.listeners[socket]; listener != nil {
		_ = listener.Close()
	}
	for conn, of := range s.conns {
		if of.socket == socket {
			_ = conn.Close()
			delete(s.conns, conn)
		}
	}
}

// Tell says to everybody who subscribed that the unit has changed, and returns how many they are.
func (s *Systemd) Tell(unit string) (told int) {
	signal := &dbus.Message{
		Type: dbus.TypeSignal,
		Body: []any{"org.freedesktop.systemd1.Unit", map[string]dbus.Variant{}, []string{"ActiveState"}},
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath:      dbus.MakeVariant(unitPath(unit)),
			dbus.FieldInterface: dbus.MakeVariant("org.freedesktop.DBus.Properties"),
			dbus.FieldMember:    dbus.MakeVariant("PropertiesChanged"),
			dbus.FieldSender:    dbus.MakeVariant(":1.0"),
		},
	}
	signal.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(signal.Body...))
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn, c := range s.conns {
		c.mu.Lock()
		if c.subscribed && signal.EncodeTo(conn, binary.LittleEndian) == nil {
			told++
		}
		c.mu.Unlock()
	}
	return told
}

func (s *Systemd) serve(conn net.Conn, c *caller) {
	defer conn.Close() //nolint:errcheck // a fake
	in := bufio.NewReader(conn)
	if !s.welcome(in, conn) {
		return
	}
	for {
		call, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		if call.Type != dbus.TypeMethodCall || s.isFrozen() {
			continue
		}
		c.mu.Lock()
		member, _ := call.Headers[dbus.FieldMember].Value().(string)
		c.subscribed = c.subscribed || member == "Subscribe"
		err = s.reply(call).EncodeTo(conn, binary.LittleEndian)
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// welcome is the server's side of SASL EXTERNAL.
func (s *Systemd) welcome(in *bufio.Reader, out io.Writer) bool {
	if _, err := in.ReadByte(); err != nil {
		return false
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if s.isFrozen() {
			continue
		}
		answer := "ERROR\r\n"
		switch line = strings.TrimSpace(line); {
		case line == "BEGIN":
			return true
		case line == "AUTH":
			answer = "REJECTED EXTERNAL\r\n"
		case strings.HasPrefix(line, "AUTH EXTERNAL"):
			answer = "DATA\r\n"
		case strings.HasPrefix(line, "DATA"):
			answer = "OK 1234deadbeef\r\n"
		}
		if _, err := io.WriteString(out, answer); err != nil {
			return false
		}
	}
}

func (s *Systemd) isFrozen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frozen
}

func (s *Systemd) reply(call *dbus.Message) *dbus.Message {
	var body []any
	switch member, _ := call.Headers[dbus.FieldMember].Value().(string); member {
	case "Hello":
		body = []any{":1.1"}
	case "ListUnitsByNames":
		names, _ := call.Body[0].([]string)
		body = []any{s.list(names)}
	case "Get":
		path, _ := call.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
		name, _ := call.Body[1].(string)
		body = []any{dbus.MakeVariant(s.property(path, name))}
	}
	message := &dbus.Message{Type: dbus.TypeMethodReply, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldReplySerial: dbus.MakeVariant(call.Serial()),
	}}
	if len(body) > 0 {
		message.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	}
	return message
}

type listedUnit struct {
	Name, Description, LoadState, ActiveState, SubState, Followed string
	Path                                                          dbus.ObjectPath
	JobID                                                         uint32
	JobType                                                       string
	JobPath                                                       dbus.ObjectPath
}

func (s *Systemd) list(names []string) []listedUnit {
	s.mu.Lock()
	defer s.mu.Unlock()
	units := make([]listedUnit, 0, len(names))
	for _, name := range names {
		u, known := s.units[name]
		if !known {
			u = host.Unit{LoadState: "not-found", ActiveState: "inactive", SubState: "dead"}
		}
		listed := listedUnit{
			Name: name, LoadState: u.LoadState, ActiveState: u.ActiveState, SubState: u.SubState, JobType: u.Job,
			Path: unitPath(name), JobPath: "/",
		}
		if u.Job != "" {
			listed.JobID = 7
		}
		units = append(units, listed)
	}
	return units
}

func (s *Systemd) property(path dbus.ObjectPath, name string) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	var u host.Unit
	for _, one := range s.units {
		if unitPath(one.Name) == path {
			u = one
		}
	}
	switch name {
	case "InvocationID":
		id, _ := hex.DecodeString(u.InvocationID)
		return id
	case "ActiveEnterTimestampMonotonic":
		var now unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
		return uint64((time.Duration(now.Nano()) - u.ActiveFor) / time.Microsecond)
	case "UnitFileState":
		return u.UnitFileState
	case "MainPID":
		return uint32(u.MainPID)
	case "NRestarts":
		return u.Restarts
	case "RestartUSec":
		return uint64(u.RestartAfter / time.Microsecond)
	default:
		return u.Result
	}
}

// unitPath escapes as systemd does: everything but letters and digits becomes _xx.
func unitPath(name string) dbus.ObjectPath {
	var escaped strings.Builder
	for _, c := range []byte(name) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			escaped.WriteByte(c)
			continue
		}
		escaped.WriteString("_" + hex.EncodeToString([]byte{c}))
	}
	return dbus.ObjectPath("/org/freedesktop/systemd1/unit/" + escaped.String())
}
