package host

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// maxBody of an answer is read; healthz lists its checks in less.
const maxBody = 4096

// HTTP asks daemons over TCP or over a socket of the host. Every call has a connection of its own: on a kept one a
// daemon that stopped accepting would look alive. It does without http.Transport, whose pool we would only work around
// and which hides behind "server closed idle connection" that a daemon hung up.
type HTTP struct {
	paths Paths
}

// NewHTTP prepares the door.
func NewHTTP(paths Paths) *HTTP { return &HTTP{paths: paths} }

// A Reply is an answer, of whatever status. A redirect is an answer too, and leads nowhere.
type Reply struct {
	Status int
	Body   string // its first 4 KiB
}

// Get asks a URL over TCP without TLS. asked must end before outer; see observed.
func (h *HTTP) Get(outer, asked context.Context, address string) (Reply, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return Reply{}, err
	}
	if parsed.Scheme != "http" {
		return Reply{}, fmt.Errorf("asking %s: only http is spoken here", address)
	}
	endpoint := parsed.Host
	if parsed.Port() == "" {
		endpoint = net.JoinHostPort(parsed.Hostname(), "80")
	}
	reply, err := get(asked, "tcp", endpoint, address)
	return reply, observed(outer, err)
}

// GetUnix asks for a path over a unix socket of the host.
func (h *HTTP) GetUnix(outer, asked context.Context, socket, path string) (Reply, error) {
	reply, err := get(asked, "unix", h.paths.At(socket), "http://localhost"+path)
	return reply, observed(outer, err)
}

func get(ctx context.Context, network, endpoint, address string) (Reply, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return Reply{}, err
	}
	request.Close = true
	request.Header.Set("User-Agent", "bulkhead-agent")
	conn, err := dial(ctx, network, endpoint)
	if err != nil {
		return Reply{}, err
	}
	defer conn.Close() //nolint:errcheck // read to its end or given up
	if err := request.Write(conn); err != nil {
		return Reply{}, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return Reply{}, err
	}
	defer response.Body.Close() //nolint:errcheck // as above
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return Reply{}, err
	}
	return Reply{Status: response.StatusCode, Body: string(body)}, nil
}
