package kubeclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const (
	// refreshEvery is slow: API servers move rarely, and 5 000 agents asking every 10 min are 8 requests a second.
	refreshEvery = 10 * time.Minute
	// refreshAgain is the pause after a failure.
	refreshAgain = 15 * time.Second
	// refreshTimeout bounds one request.
	refreshTimeout = 5 * time.Second
)

// endpointSlices is the little we read of discovery.k8s.io/v1.
type endpointSlices struct {
	Items []endpointSlice `json:"items"`
}

type endpointSlice struct {
	Endpoints []endpoint `json:"endpoints"`
	Ports     []struct {
		Name *string `json:"name"`
		Port *int32  `json:"port"`
	} `json:"ports"`
}

type endpoint struct {
	Addresses  []string `json:"addresses"`
	Conditions struct {
		Ready *bool `json:"ready"`
	} `json:"conditions"`
}

// errRefused: the API server answered, and not with what we asked for. Run warns of it; that the API server cannot be
// reached is for those to say who have something to tell it.
var errRefused = errors.New("refused")

// Run keeps the remembered addresses fresh until ctx ends.
func (c *Client) Run(ctx context.Context) error {
	warned := false
	for {
		wait := refreshEvery
		if err := c.refresh(ctx); err != nil {
			wait = refreshAgain
			c.log.Debug("did not learn the API servers' own addresses", "err", err)
			if errors.Is(err, errRefused) && !warned {
				warned = true
				c.log.Warn("cannot learn the API servers' own addresses, so there is no way round a dead Service address; "+
					"grant list on endpointslices in namespace default, or give --api-server", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait + rand.N(wait/4)):
		}
	}
}

func (c *Client) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	addresses, err := c.endpoints(ctx)
	if err != nil {
		return err
	}
	return c.memory.Learn(addresses)
}

// endpoints lists the addresses of default/kubernetes, sorted so that equal sets compare equal.
func (c *Client) endpoints(ctx context.Context) ([]string, error) {
	target := c.base.JoinPath("apis/discovery.k8s.io/v1/namespaces/default/endpointslices")
	target.RawQuery = url.Values{"labelSelector": {"kubernetes.io/service-name=kubernetes"}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("asking for API servers: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking for API servers: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("asking for API servers: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking for API servers: %w: %s", errRefused, answer.Status)
	}
	return parseEndpoints(body)
}

func parseEndpoints(body []byte) ([]string, error) {
	var list endpointSlices
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("reading EndpointSlices of default/kubernetes: %w", err)
	}
	var addresses []string
	for _, slice := range list.Items {
		for _, endpoint := range slice.Endpoints {
			if ready := endpoint.Conditions.Ready; ready != nil && !*ready {
				continue
			}
			for _, host := range endpoint.Addresses {
				addresses = append(addresses, slice.withPorts(host)...)
			}
		}
	}
	slices.Sort(addresses)
	return slices.Compact(addresses), nil
}

func (s endpointSlice) withPorts(host string) (addresses []string) {
	for _, port := range s.Ports {
		if port.Port != nil && (port.Name == nil || *port.Name == "" || *port.Name == "https") {
			addresses = append(addresses, net.JoinHostPort(host, strconv.Itoa(int(*port.Port))))
		}
	}
	return addresses
}
