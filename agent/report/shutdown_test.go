package report

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// A logindBus is a message bus with one client and a logind that grants no inhibitor.
type logindBus struct {
	conn       net.Conn
	once       sync.Once
	subscribed chan struct{}
}

func startLogind(t *testing.T) (socket string, connected <-chan *logindBus) {
	socket = filepath.Join(t.TempDir(), "bus")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	buses := make(chan *logindBus, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		bus := &logindBus{conn: conn, subscribed: make(chan struct{})}
		buses <- bus
		bus.serve()
	}()
	return socket, buses
}

func (b *logindBus) serve() {
	in := bufio.NewReader(b.conn)
	for { // the handshake is in lines
		line, err := in.ReadString('\n')
		if err != nil || strings.HasPrefix(line, "BEGIN") {
			break
		}
		answer := "ERROR"
		switch words := strings.Fields(strings.TrimPrefix(line, "\x00")); {
		case words[0] == "AUTH" && len(words) == 1:
			answer = "REJECTED EXTERNAL"
		case words[0] == "AUTH":
			answer = "OK 1234"
		}
		fmt.Fprintf(b.conn, "%s\r\n", answer)
	}
	for {
		call, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		member, _ := call.Headers[dbus.FieldMember].Value().(string)
		reply := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldReplySerial: dbus.MakeVariant(call.Serial()),
		}}
		switch member {
		case "Hello":
			reply.Body = []any{":1.1"}
			reply.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(":1.1"))
		case "Inhibit":
			reply.Type = dbus.TypeError
			reply.Headers[dbus.FieldErrorName] = dbus.MakeVariant("org.freedesktop.DBus.Error.AccessDenied")
			b.once.Do(func() { close(b.subscribed) }) // AddMatch came before
		}
		_ = reply.EncodeTo(b.conn, binary.LittleEndian)
	}
}

func (b *logindBus) announce(t *testing.T, begins bool) {
	signal := &dbus.Message{
		Type: dbus.TypeSignal,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath(logindPath)),
			dbus.FieldInterface: dbus.MakeVariant(manager),
			dbus.FieldMember:    dbus.MakeVariant("PrepareForShutdown"),
			dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(begins)),
		},
		Body: []any{begins},
	}
	require.NoError(t, signal.EncodeTo(b.conn, binary.LittleEndian))
}

// phases is a Publisher that passes on what agents say of themselves.
type phases chan v1alpha1.AgentPhase

func (p phases) Publish(_ context.Context, hb heartbeat.Heartbeat) (time.Duration, error) {
	p <- hb.Phase
	return 0, nil
}

func (p phases) until(t *testing.T, want v1alpha1.AgentPhase) {
	deadline := time.After(10 * time.Second)
	for {
		select {
		case phase := <-p:
			if phase == want {
				return
			}
		case <-deadline:
			t.Fatal("never said " + want)
		}
	}
}

func TestShutdown_SaysLeavingWhenLogindAnnouncesIt(t *testing.T) {
	said := make(phases, 100)
	r := &rig{t: t, looked: make(chan struct{})}
	report, err := New(Options{
		Beliefs: r, Writer: r, Publisher: said, Address: func() string { return "" },
		Overran: func(time.Time) {}, Planned: func() bool { return false },
		Beats: config.DefaultAgent().Heartbeat, Status: config.DefaultAgent().Report,
		Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	socket, connected := startLogind(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- report.Run(ctx) }()
	go func() {
		ended <- Shutdown{Socket: socket, Report: report, Log: slog.New(slog.DiscardHandler)}.Run(ctx)
	}()
	bus := <-connected
	<-bus.subscribed
	said.until(t, v1alpha1.PhaseRunning)
	bus.announce(t, true)
	said.until(t, v1alpha1.PhaseLeaving)
	bus.announce(t, false)
	said.until(t, v1alpha1.PhaseRunning)
	cancel()
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
}

func TestShutdown_EndsWithItsContextWhenTheBusIsSilent(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "bus")
	listener, err := net.Listen("unix", socket) // accepts, as a frozen bus does, and never answers
	require.NoError(t, err)
	defer listener.Close()
	for _, at := range []string{socket, "/nowhere"} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		require.NoError(t, Shutdown{Socket: at, Log: slog.New(slog.DiscardHandler)}.Run(ctx))
		cancel()
	}
}
