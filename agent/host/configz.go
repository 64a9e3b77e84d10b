package host

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
)

// maxConfigz of the kubelet's configuration is read; one is 5 KiB.
const maxConfigz = 256 << 10

// ErrNotRoots says that the kubelet's port belongs to somebody who is not root, and so not to the kubelet.
var ErrNotRoots = errors.New("it belongs to a user other than root; the token was not sent")

// A StatusError is an answer other than 200.
type StatusError int

func (s StatusError) Error() string { return fmt.Sprintf("it answers %d", int(s)) }

// Configz asks the kubelet for its configuration, with the token of our service account.
//
// The kubelet's certificate is signed by itself on most nodes, so it proves nothing and is not verified. What is
// verified is the other end of the connection: the kernel says that its socket is on this machine, and root's. Anybody
// else who listens on the port while the kubelet is down never sees the token.
type Configz struct {
	address string
	token   string
	root    uint32 // the user the kubelet runs as
}

// NewConfigz prepares the door. token is a file, read at each call: the kubelet renews it.
func NewConfigz(address, token string) *Configz { return &Configz{address: address, token: token} }

// Get is the configuration as JSON. asked must end before outer; see observed.
func (c *Configz) Get(outer, asked context.Context) ([]byte, error) {
	token, err := os.ReadFile(c.token)
	if err != nil {
		return nil, fmt.Errorf("reading our token: %w", err)
	}
	target, err := url.Parse(c.address)
	if err != nil {
		return nil, err
	}
	body, err := c.get(asked, target.JoinPath("configz"), bytes.TrimSpace(token))
	return body, observed(outer, err)
}

func (c *Configz) get(ctx context.Context, target *url.URL, token []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Close = true
	request.Header.Set("User-Agent", "bulkhead-agent")
	request.Header.Set("Authorization", "Bearer "+string(token))

	plain, err := dial(ctx, "tcp", target.Host)
	if err != nil {
		return nil, err
	}
	defer plain.Close() //nolint:errcheck // read to its end or given up
	conn := tls.Client(plain, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	// Only an accepted connection has an owner, and whoever answered a handshake has accepted it.
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if err := c.verify(plain); err != nil {
		return nil, err
	}
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // as above
	if response.StatusCode != http.StatusOK {
		return nil, StatusError(response.StatusCode)
	}
	return io.ReadAll(io.LimitReader(response.Body, maxConfigz))
}

func (c *Configz) verify(conn net.Conn) error {
	near, nearErr := netip.ParseAddrPort(conn.LocalAddr().String())
	far, farErr := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err := errors.Join(nearErr, farErr); err != nil {
		return err
	}
	owner, err := socketOwner(far, near)
	if err != nil {
		return err
	}
	if owner != c.root {
		return ErrNotRoots
	}
	return nil
}
