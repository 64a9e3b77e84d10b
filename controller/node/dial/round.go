package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// again is how long after the first attempt the second begins: one lost packet must not make a node silent.
const again = 300 * time.Millisecond

// outcome of a dial, the least telling first.
type outcome int

const (
	silent outcome = iota
	refused
	connected
)

func (o outcome) String() string { return [...]string{"silent", "refused", "connected"}[o] }

type answer struct {
	outcome outcome
	at      time.Time
}

// round dials all addresses in parallel, each twice, again apart.
func (d *Dialer) round(ctx context.Context, addresses []string) map[string]answer {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	var mu sync.Mutex
	found := make(map[string]answer, len(addresses))
	var all sync.WaitGroup
	for _, address := range addresses {
		all.Go(func() {
			a := d.twice(ctx, address)
			mu.Lock()
			defer mu.Unlock()
			found[address] = a
		})
	}
	all.Wait()
	return found
}

// twice returns the first answer of two attempts. An attempt that fails at once (no route) does not end the round: the
// next may meet a machine that is there.
func (d *Dialer) twice(ctx context.Context, address string) answer {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outcomes := make(chan outcome, 2) // no attempt blocks on us
	attempt := func() { outcomes <- d.connect(ctx, address) }
	second := time.AfterFunc(again, attempt)
	defer second.Stop()
	go attempt()
	for range 2 {
		if o := <-outcomes; o != silent {
			return answer{o, time.Now()}
		}
	}
	return answer{silent, time.Now()}
}

// connect asks for more than a connection: a machine whose processes are all frozen still completes TCP handshakes in
// its kernel. A TLS greeting is answered by the kubelet with its own, and by the agent's plain HTTP with a complaint;
// either takes a process that runs.
func connect(ctx context.Context, address string) outcome {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return heard(ctx, err)
	}
	defer c.Close() //nolint:errcheck // nothing was entrusted to it
	// Who answers does not matter here, only that somebody does; nothing is sent and nothing is believed.
	greeting := tls.Client(c, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // see above
	if err := greeting.HandshakeContext(ctx); err != nil {
		return heard(ctx, err)
	}
	return connected
}

// heard sorts an error: nothing came back in time, somebody hung up, or something else was said.
func heard(ctx context.Context, err error) outcome {
	var network net.Error
	var operation *net.OpError
	switch {
	case ctx.Err() != nil, errors.As(err, &network) && network.Timeout():
		return silent
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF):
		return refused
	case errors.As(err, &operation) && operation.Op == "dial":
		return silent // no route
	default:
		return connected // an alert, or no TLS at all: a process said so
	}
}
