package leasebeat

import (
	"context"
	"log/slog"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// PulseOptions say how a controller proves that its view is fresh.
type PulseOptions struct {
	// Every is the pause between renewals. Default 500ms.
	Every time.Duration
	// Timeout bounds one renewal. Default 800ms: two attempts fit into the 2 s after which a controller is blind.
	Timeout time.Duration
	// Overran is called with the beginning of a renewal that ended by its deadline: kubeclient's Client.Overran.
	Overran func(began time.Time)
	Log     *slog.Logger
}

// A Pulse is a controller's own Lease, renewed all the time and seen again in the very watch that brings the nodes'
// beats. A watch delivers in order, so when renewal n has come back, everything that was written before it has too:
// the view is at least as fresh as the moment n was sent. All times are our own monotonic ones.
type Pulse struct {
	name    string
	holder  string
	options PulseOptions
	renewal renewal
	others  *others

	mu       sync.Mutex          // guards everything below
	count    int64               // renewals sent
	sent     map[int64]time.Time // those not yet seen in the watch, by number
	freshAt  time.Time
	answered time.Time
}

// NewPulse is a pulse for one controller process. client comes from NewClient.
func NewPulse(client rest.Interface, identity string, o PulseOptions) *Pulse {
	if o.Every == 0 {
		o.Every = 500 * time.Millisecond
	}
	if o.Timeout == 0 {
		o.Timeout = 800 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	name := v1alpha1.HeartbeatController + "-" + identity
	return &Pulse{
		name:    name,
		holder:  identity + "/" + rand.String(8), // an echo of our predecessor's renewal must not count as ours
		options: o,
		renewal: renewal{client: client, name: name},
		others:  &others{client: client, seen: map[string]foreign{}},
		sent:    map[int64]time.Time{},
	}
}

// FreshAt is the send time of the newest renewal that came back through the watch, zero if none has.
func (p *Pulse) FreshAt() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.freshAt
}

// AnsweredAt is the send time of the newest renewal that the API server acknowledged, zero if none was: how old our
// last consistent round trip is.
func (p *Pulse) AnsweredAt() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answered
}

// Run renews until ctx ends, then deletes the Lease.
func (p *Pulse) Run(ctx context.Context) error {
	ticker := time.NewTicker(p.options.Every)
	defer ticker.Stop()
	failing := false
	for {
		if err := p.beat(ctx); ctx.Err() == nil {
			if failed := err != nil; failed != failing {
				failing = failed
				p.say(err)
			}
		}
		p.others.sweep(ctx, time.Now(), p.options.Timeout)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			p.leave(context.WithoutCancel(ctx))
			return nil
		}
	}
}

func (p *Pulse) say(err error) {
	if err == nil {
		p.options.Log.Info("pulse renewed again", "lease", p.name)
		return
	}
	p.options.Log.Warn("cannot renew the pulse, so this controller is blind", "lease", p.name, "err", err)
}

func (p *Pulse) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	number, began := p.send()
	change := func(lease *coordinationv1.Lease) {
		write(lease, heartbeat.Heartbeat{Holder: p.holder, Next: p.options.Every, Phase: v1alpha1.PhaseRunning}, number, time.Now())
	}
	_, err := p.renewal.put(ctx, change)
	if apierrors.IsNotFound(err) {
		err = p.create(ctx, change)
	}
	if err != nil {
		if ctx.Err() == context.DeadlineExceeded && p.options.Overran != nil {
			p.options.Overran(began)
		}
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answered = began
	return nil
}

// send notes when a renewal leaves, before it does: its echo may be faster than its answer.
func (p *Pulse) send() (int64, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	began := time.Now()
	p.sent[p.count] = began
	delete(p.sent, p.count-1000) // those that never came back; 500 s of them
	return p.count, began
}

func (p *Pulse) create(ctx context.Context, change func(*coordinationv1.Lease)) error {
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Name: p.name, Namespace: v1alpha1.HeartbeatNamespace, Labels: labels(v1alpha1.HeartbeatController),
	}}
	change(lease)
	return p.renewal.client.Post().Namespace(v1alpha1.HeartbeatNamespace).Resource(resource).Body(lease).Do(ctx).Error()
}

func (p *Pulse) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	// Best effort: others sweep what a crash leaves behind.
	_ = p.renewal.client.Delete().Namespace(v1alpha1.HeartbeatNamespace).Resource(resource).Name(p.name).Do(ctx).Error()
}

// echo takes a pulse seen in the watch, ours or another's.
func (p *Pulse) echo(lease *coordinationv1.Lease, now time.Time) {
	if lease.Name != p.name {
		p.others.note(lease, now)
		return
	}
	if valueOf(lease.Spec.HolderIdentity) != p.holder {
		return
	}
	number := beatOf(lease)
	p.mu.Lock()
	defer p.mu.Unlock()
	sent, known := p.sent[number]
	if !known {
		return // seen before, in a listing
	}
	p.freshAt = sent
	for earlier := range p.sent {
		if earlier <= number {
			delete(p.sent, earlier)
		}
	}
}

// isBehind says that renewals are acknowledged and have not come back for that long: the watch is dead or stands still.
func (p *Pulse) isBehind(limit time.Duration, watching time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.freshAt
	if watching.After(seen) { // a new watch gets its chance
		seen = watching
	}
	return p.answered.Sub(seen) > limit
}
