package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
)

// dial connects for one exchange that ends with ctx.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline() // the zero time is none
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// dialSocket is dial to a unix socket, by its path as we see it.
func dialSocket(ctx context.Context, path string) (net.Conn, error) {
	conn, err := dial(ctx, "unix", path)
	return conn, ofAnother(err)
}

// ofAnother says what it takes to be let in.
func ofAnother(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w; a socket of another user takes the capability DAC_OVERRIDE", err)
	}
	return err
}
