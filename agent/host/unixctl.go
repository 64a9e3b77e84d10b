package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxControlReply of a control socket is read. A version is a line.
const maxControlReply = 64 << 10

// askControl sends one command to a daemon of Open vSwitch on its control socket, as ovs-appctl does: JSON-RPC 1.0, one
// request a connection.
func askControl(ctx context.Context, path, command string) (string, error) {
	conn, err := dialSocket(ctx, path)
	if err != nil {
		return "", err
	}
	defer conn.Close() //nolint:errcheck // read to its end or given up
	if _, err := fmt.Fprintf(conn, `{"id":0,"method":%q,"params":[]}`, command); err != nil {
		return "", err
	}
	return readControl(conn)
}

var errControl = errors.New("it does not speak the protocol of Open vSwitch's control sockets")

// readControl reads one reply: {"id":0,"result":"text","error":null}.
func readControl(r io.Reader) (string, error) {
	var reply struct {
		ID     json.RawMessage `json:"id"`
		Result *string         `json:"result"`
		Error  *string         `json:"error"`
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch err := json.NewDecoder(io.LimitReader(r, maxControlReply)).Decode(&reply); {
	case errors.As(err, &syntax), errors.As(err, &kind):
		return "", fmt.Errorf("%w: %w", errControl, err)
	case err != nil:
		return "", err
	case reply.Error != nil:
		return "", fmt.Errorf("it answers: %s", *reply.Error)
	case reply.Result == nil || string(reply.ID) != "0":
		return "", errControl
	default:
		return *reply.Result, nil
	}
}
