package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNoWay says that this machine's own routing has no way to an address, or that a router on the way has none. Checks
// branch on it, as on ErrSilent and ErrRefused: it is an observation.
var ErrNoWay = errors.New("there is no route to it")

// ErrNoName says that an address is a name and nobody knows it, or nobody could be asked. It is an observation too.
var ErrNoName = errors.New("its name is not resolved")

// Reach talks to other machines.
type Reach struct{}

// An Echo is what another machine said.
type Echo struct {
	Connected time.Duration // how long the handshake of TCP took, 0 if there was none: the kernels' doing, not the programs'
	Status    int           // of HTTP
}

// Connect opens a connection and closes it. asked must end before outer; see observed.
func (Reach) Connect(outer, asked context.Context, address string) (time.Duration, error) {
	began := time.Now()
	conn, err := (&net.Dialer{}).DialContext(asked, "tcp", address)
	if err != nil {
		return 0, reached(outer, err)
	}
	took := time.Since(began)
	return took, conn.Close()
}

// Ask connects and asks for a path by HTTP. The answer counts, not the connection: the kernel of a frozen machine, and a
// proxy on the way, complete a handshake too. Connected is set even with an error, if a connection came to be.
func (Reach) Ask(outer, asked context.Context, address, path string) (Echo, error) {
	began := time.Now()
	conn, err := dial(asked, "tcp", address)
	if err != nil {
		return Echo{}, reached(outer, err)
	}
	defer conn.Close() //nolint:errcheck // read as far as we care
	echo := Echo{Connected: time.Since(began)}
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: bulkhead-agent\r\n\r\n", path, address)
	if err != nil {
		return echo, reached(outer, err)
	}
	var head [16]byte // "HTTP/1.0 200 OK\r\n"
	n := 0
	for n < len(head) && err == nil {
		var more int
		more, err = conn.Read(head[n:])
		n += more
	}
	if n == 0 {
		return echo, reached(outer, err)
	}
	echo.Status, err = parseStatus(string(head[:n]))
	return echo, err
}

// parseStatus reads the beginning of an HTTP answer.
func parseStatus(head string) (int, error) {
	version, rest, found := strings.Cut(head, " ")
	if !found || !strings.HasPrefix(version, "HTTP/1.") || len(rest) < 3 {
		return 0, fmt.Errorf("the answer begins with %q and is not HTTP", head)
	}
	status, err := strconv.Atoi(rest[:3])
	if err != nil || status < 100 || status > 599 {
		return 0, fmt.Errorf("the answer begins with %q and has no status", head)
	}
	return status, nil
}

// reached adds to observed what only happens between machines.
//
//	no route, here or on the way            -> ErrNoWay
//	the kernel itself gave up on the SYN    -> ErrSilent
//	a name that is not resolved             -> ErrNoName
func reached(outer context.Context, err error) error {
	var name *net.DNSError
	if errors.As(err, &name) && !isOver(outer) {
		return ErrNoName
	}
	err = observed(outer, err)
	switch {
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETDOWN),
		errors.Is(err, syscall.EHOSTDOWN):
		return ErrNoWay
	case errors.Is(err, syscall.ETIMEDOUT):
		return ErrSilent
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("connecting: %w; a security policy of this node forbids it to us", err)
	default:
		return err
	}
}
