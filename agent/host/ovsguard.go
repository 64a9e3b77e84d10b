package host

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
)

// maxDatabaseReply is read of one connection to a database. A bridge is 30 bytes of it.
const maxDatabaseReply = 1 << 20

// A guard stands between the OVSDB library and the socket. The library dereferences the id of every message, so one
// without an id would crash the agent from a goroutine that nobody can recover; it reads on for ever after an error that
// is not the end of the file; and it does not tell whoever waits for a reply that the connection has ended. So the guard
// lets through whole replies with an id and nothing else, and turns every error into the end of the file, of which it
// tells the caller itself.
type guard struct {
	net.Conn
	messages *json.Decoder
	pending  []byte // of a message that was let through
	fail     func(error)
}

func newGuard(conn net.Conn, fail func(error)) *guard {
	return &guard{Conn: conn, messages: json.NewDecoder(io.LimitReader(conn, maxDatabaseReply)), fail: fail}
}

// Read is called by the library's reading goroutine alone.
func (g *guard) Read(into []byte) (int, error) {
	for len(g.pending) == 0 {
		var message json.RawMessage
		err := g.messages.Decode(&message)
		if err == nil {
			g.pending, err = admitted(message)
		}
		if err != nil {
			g.fail(err)
			return 0, io.EOF
		}
	}
	n := copy(into, g.pending)
	g.pending = g.pending[n:]
	return n, nil
}

// Write notes why writing failed; the library keeps only the text.
func (g *guard) Write(from []byte) (int, error) {
	n, err := g.Conn.Write(from)
	if err != nil {
		g.fail(err)
	}
	return n, err
}

// admitted is the message if it is a reply, and nothing if it is a request of the server's: we are gone before it
// matters.
func admitted(message json.RawMessage) ([]byte, error) {
	var envelope struct {
		ID     *string         `json:"id"`
		Method json.RawMessage `json:"method"`
	}
	err := json.Unmarshal(message, &envelope)
	switch {
	case err != nil:
		return nil, fmt.Errorf("it does not speak OVSDB: %w", err)
	case envelope.Method != nil:
		return nil, nil
	case envelope.ID == nil:
		return nil, fmt.Errorf("it does not speak OVSDB: no id in %.100q", message)
	default:
		return message, nil
	}
}
