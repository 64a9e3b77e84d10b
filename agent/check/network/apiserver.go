package network

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// ReachDoor is host.Reach.
type ReachDoor interface {
	Connect(outer, asked context.Context, address string) (time.Duration, error)
	Ask(outer, asked context.Context, address, path string) (host.Echo, error)
}

// An APIServer is the probe of the check apiserver. It goes by what the beats find out anyway, and dials only when the
// API server has been quiet: to tell "no way there" from "it does not answer".
type APIServer struct {
	door    ReachDoor
	cluster Cluster
	atLeast time.Duration
	began   time.Time // of the first look: one that never answered is quiet since then
}

// NewAPIServer makes the probe.
func NewAPIServer(s config.NetworkSubject, door ReachDoor, c Cluster) *APIServer {
	return &APIServer{door: door, cluster: c, atLeast: s.APIServer.QuietAfter.Duration}
}

// A dial is what one address did.
type dial struct {
	address string
	err     error
}

// Probe looks when the API server last answered.
func (p *APIServer) Probe(ctx context.Context) ([]check.Finding, error) {
	if p.cluster.LastAnswer == nil || p.cluster.Servers == nil {
		return nil, check.ErrNotApplicable
	}
	now := time.Now()
	if p.began.IsZero() {
		p.began = now
	}
	last := p.cluster.LastAnswer()
	if last.IsZero() {
		last = p.began
	}
	quiet := now.Sub(last)
	if quiet <= p.quietAfter() {
		return nil, nil
	}
	return judgeAPI(quiet, p.gather(ctx))
}

// quietAfter is three beats at least: a node that beats every 10 s hears nothing in between.
func (p *APIServer) quietAfter() time.Duration {
	if p.cluster.Period == nil {
		return p.atLeast
	}
	return max(p.atLeast, 3*p.cluster.Period())
}

func (p *APIServer) gather(ctx context.Context) []dial {
	asked, cancel := check.Within(ctx, 85)
	defer cancel()
	addresses := p.cluster.Servers()
	all := make([]dial, len(addresses))
	var group sync.WaitGroup
	for i, address := range addresses {
		group.Go(func() {
			_, err := p.door.Connect(ctx, asked, address)
			all[i] = dial{address, err}
		})
	}
	group.Wait()
	return all
}

// judgeAPI: one address that accepts is a way. All that refuse are a fault as well: a firewall of this node refuses just
// as an API server does that is down.
func judgeAPI(quiet time.Duration, all []dial) ([]check.Finding, error) {
	var said []string
	for _, d := range all {
		if d.err == nil {
			return []check.Finding{{Reason: v1alpha1.ReasonAPIServerUnreachable, Note: true, Message: fmt.Sprintf(
				"the API server has answered nothing for %s; %s accepts connections, so it is slow or frozen", rough(quiet), d.address)}}, nil
		}
		if !isObserved(d.err) {
			return nil, fmt.Errorf("connecting to the API server at %s: %w", d.address, d.err)
		}
		said = append(said, fmt.Sprintf("%s: %s", d.address, d.err))
	}
	return []check.Finding{{Reason: v1alpha1.ReasonAPIServerUnreachable, Message: fmt.Sprintf(
		"the API server has answered nothing for %s and accepts no connection (%s)", rough(quiet), strings.Join(said, ", "))}}, nil
}

// rough changes rarely: a message that says another number at every look would be written at every look.
func rough(d time.Duration) string {
	for _, step := range []time.Duration{time.Hour, 10 * time.Minute, time.Minute, 10 * time.Second} {
		if d >= step {
			return "over " + shortened(step)
		}
	}
	return "seconds"
}

func shortened(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}

// isObserved: the other side, or the way there, did something; all other errors are ours.
func isObserved(err error) bool {
	for _, seen := range []error{host.ErrSilent, host.ErrRefused, host.ErrNoWay, host.ErrNoName} {
		if errors.Is(err, seen) {
			return true
		}
	}
	return false
}
