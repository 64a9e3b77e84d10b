package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxOVSReply is read of a reply. A version is a line, and a bridge in a database's reply has 30 bytes.
const maxOVSReply = 1 << 20

var errOVS = errors.New("it does not speak the protocol of Open vSwitch")

// askOVS asks a daemon of Open vSwitch one question, on a connection of its own, as ovs-appctl and ovs-vsctl do:
// JSON-RPC 1.0, for control sockets and databases alike. params is an array in JSON.
func askOVS[T any](ctx context.Context, path, method, params string) (T, error) {
	var none T
	socket, err := dialBriefly(ctx, path)
	if err != nil {
		return none, err
	}
	defer socket.Close()
	if err := socket.ask(fmt.Sprintf(`{"id":0,"method":%q,"params":%s}`, method, params)); err != nil {
		return none, err
	}
	return readOVS[T](socket)
}

// readOVS reads one reply: {"id":0,"result":"text","error":null}.
func readOVS[T any](r io.Reader) (T, error) {
	var none T
	var reply struct {
		ID     json.RawMessage `json:"id"`
		Result *T              `json:"result"`
		Error  any             `json:"error"`
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch err := json.NewDecoder(io.LimitReader(r, maxOVSReply)).Decode(&reply); {
	case errors.As(err, &syntax), errors.As(err, &kind):
		return none, fmt.Errorf("%w: %w", errOVS, err)
	case err != nil:
		return none, err
	case reply.Error != nil:
		return none, fmt.Errorf("it answers: %v", reply.Error)
	case reply.Result == nil || string(reply.ID) != "0":
		return none, errOVS
	default:
		return *reply.Result, nil
	}
}
