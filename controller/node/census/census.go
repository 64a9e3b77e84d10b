package census

import (
	"context"
	"log/slog"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"

	"golang.org/x/sync/errgroup"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/feed"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// Pulse says how fresh our view is: leasebeat.Pulse.
type Pulse interface {
	// FreshAt is when the newest pulse of ours that came back through the watch was sent, by our clock.
	FreshAt() time.Time
}

// Clock is what the API server says of the time: kubeclient.Clock.
type Clock interface {
	ServerNow(now time.Time) (time.Time, bool)
}

// Witnesses are our own dials: dial.Dialer.
type Witnesses interface {
	// Heard is what dials to a node found; KubeletRenewed is not theirs to say.
	Heard(uid string, now time.Time) decision.Witness
}

// Options are what a census hears.
type Options struct {
	Kube     kubernetes.Interface
	Bulkhead client.Interface
	Beats    heartbeat.Source
	Pulse    Pulse
	Dials    Witnesses
	Clock    Clock
	// Period is the beat period asked of a cluster of this size.
	Period func(nodes int) time.Duration
	// KubeletPort and AgentPort are dialed where the node or its beats name none.
	KubeletPort, AgentPort int
	// Policy is what the default policy is created with, and what holds until it was read: an installation that asked
	// for a dry run must not act in the moment before.
	Policy v1alpha1.NodeIsolationPolicySpec
	Log    *slog.Logger
}

// A Census hears. All methods may be called concurrently.
type Census struct {
	o       Options
	view    *view
	drained *drained
	changed chan struct{}

	nodes    *feed.Feed[*corev1.Node]
	healths  *feed.Feed[*v1alpha1.NodeHealth]
	kubelets *feed.Feed[*coordinationv1.Lease]
	locks    *feed.Feed[*v1alpha1.ProtectionLock]
	policies *feed.Feed[*v1alpha1.NodeIsolationPolicy]

	mu       sync.Mutex // guards everything below; a feed calls back without its own lock, so reading one under mu is fine
	beats    map[string]beat
	renewals map[string]renewal
	facts    map[string]facts
	reports  map[string]report
	ends     protect.Ends // of locks
	book     book         // of policies
	stale    bool         // the book must be compiled again
}

// New is a census that hears nothing before Run.
func New(o Options) *Census {
	c := &Census{
		o:       o,
		view:    &view{pulse: o.Pulse},
		drained: newDrained(o.Kube),
		changed: make(chan struct{}, 1),
		beats:   map[string]beat{}, renewals: map[string]renewal{}, facts: map[string]facts{}, reports: map[string]report{},
		book: newBook(o.Policy), stale: true,
	}
	c.nodes = feed.New("nodes", o.Kube.CoreV1().Nodes(), o.Kube, c.nodeChanged)
	c.healths = feed.New("nodehealths", o.Bulkhead.BulkheadV1alpha1().NodeHealths(), o.Bulkhead, c.healthChanged)
	c.kubelets = feed.New("leases in kube-node-lease", o.Kube.CoordinationV1().Leases(corev1.NamespaceNodeLease), o.Kube, c.kubeletChanged)
	c.locks = feed.New("protectionlocks", o.Bulkhead.BulkheadV1alpha1().ProtectionLocks(), o.Bulkhead, c.lockChanged)
	c.policies = feed.New("nodeisolationpolicies", o.Bulkhead.BulkheadV1alpha1().NodeIsolationPolicies(), o.Bulkhead, c.policyChanged)
	return c
}

// Options are what the census was made with.
func (c *Census) Options() Options { return c.o }

// Run hears until ctx ends.
func (c *Census) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.o.Beats.Watch(ctx, c.hear) })
	g.Go(func() error { return c.nodes.Run(ctx) })
	g.Go(func() error { return c.healths.Run(ctx) })
	g.Go(func() error { return c.kubelets.Run(ctx) })
	g.Go(func() error { return c.locks.Run(ctx) })
	g.Go(func() error { return c.policies.Run(ctx) })
	g.Go(func() error { return c.drained.run(ctx, c.signal) })
	g.Go(func() error { return c.watchView(ctx) })
	return g.Wait()
}

// Changed is signalled when something changed that a decision may rest on. Many changes may be one signal.
func (c *Census) Changed() <-chan struct{} { return c.changed }

// Transport is how beats travel, as in status.lease.transport.
func (c *Census) Transport() string { return c.o.Beats.Name() }

func (c *Census) signal() {
	select {
	case c.changed <- struct{}{}:
	default: // somebody will look anyway
	}
}

// Missing says which kinds cannot be read, nil if all can.
func (c *Census) Missing() []error {
	var errs []error
	for _, err := range []error{c.nodes.Err(), c.healths.Err(), c.kubelets.Err(), c.locks.Err(), c.policies.Err()} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
