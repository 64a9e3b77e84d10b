package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
)

// dialSocket connects to a unix socket, by its path as we see it, for one exchange that ends with ctx.
func dialSocket(ctx context.Context, path string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("%w; a socket of another user takes the capability DAC_OVERRIDE", err)
	}
	if err != nil {
		return nil, err
	}
	if deadline, bounded := ctx.Deadline(); bounded {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}
