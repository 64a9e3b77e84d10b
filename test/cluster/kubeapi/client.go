// Package kubeapi is the handful of calls to the Kubernetes API that bringing a
// cluster up needs, from inside a network namespace. It is not client-go,
// because the driver is compiled far more often than it is run.
package kubeapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

// Client speaks to one API server as a member of system:masters.
type Client struct {
	server string
	http   *http.Client
}

// New returns a client that dials address from namespace.
func New(d state.Dir, namespace, address string) (*Client, error) {
	pair, err := tls.LoadX509KeyPair(d.PKI("admin.crt"), d.PKI("admin.key"))
	if err != nil {
		return nil, fmt.Errorf("loading admin certificate: %w", err)
	}
	ca, err := os.ReadFile(d.PKI("ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("loading authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New("loading authority: no certificate in " + d.PKI("ca.crt"))
	}
	transport := &http.Transport{
		DialContext:     network.Dialer(namespace),
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool, MinVersion: tls.VersionTLS12},
	}
	return &Client{server: "https://" + address, http: &http.Client{Transport: transport, Timeout: 5 * time.Second}}, nil
}

// Get reads path into out, which may be nil.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.call(ctx, http.MethodGet, path, nil, out)
}

// Create posts an object; one that exists already is left as it is.
func (c *Client) Create(ctx context.Context, path string, object []byte, out any) error {
	err := c.call(ctx, http.MethodPost, path, object, out)
	var status *statusError
	if errors.As(err, &status) && status.code == http.StatusConflict {
		return nil
	}
	return err
}

// Ready asks the API server whether it has finished starting.
func (c *Client) Ready(ctx context.Context) error {
	return c.Get(ctx, "/readyz", nil)
}

func (c *Client) call(ctx context.Context, method, path string, body []byte, out any) error {
	request, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading answer to %s: %w", path, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return &statusError{code: response.StatusCode, path: path, answer: string(answer)}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("decoding answer to %s: %w", path, err)
	}
	return nil
}

// statusError is an answer that is not a success; Create looks for conflicts.
type statusError struct {
	code   int
	path   string
	answer string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s: %d %s", e.path, e.code, strings.TrimSpace(e.answer))
}
