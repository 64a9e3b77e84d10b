package publish

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	typed "github.com/bulkhead-dev/bulkhead/api/client/typed/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

const (
	// makeEvery is how soon a new Node has its NodeHealth and Lease.
	makeEvery = 500 * time.Millisecond
	// sayAgain is how often an error that does not change is logged.
	sayAgain = time.Minute
)

// Leases makes heartbeat leases and asks for beat periods: leasebeat.Keeper.
type Leases interface {
	EnsureLease(ctx context.Context, node string, uid types.UID) error
	SetPeriod(ctx context.Context, node string, period time.Duration) error
	SetPeers(ctx context.Context, node, peers string) error
}

// Nodes lists the Nodes with what was made for them: census.Census.
type Nodes interface {
	Wanted() (nodes []census.Wanted, period time.Duration)
	HasDefaultPolicy() (has, known bool)
}

// A Maker makes what every Node needs to be heard and shown.
type Maker struct {
	client typed.BulkheadV1alpha1Interface
	nodes  Nodes
	leases Leases
	policy v1alpha1.NodeIsolationPolicySpec
	log    *slog.Logger

	said    string // the last error
	saidAt  time.Time
	namedAt time.Time            // when peers were last looked over
	made    map[string]time.Time // what was made and may not have come back through the watch yet
}

// NewMaker makes what nodes wants, and the default policy with the spec given, whose defaults are filled in.
func NewMaker(client typed.BulkheadV1alpha1Interface, nodes Nodes, leases Leases, policy v1alpha1.NodeIsolationPolicySpec, log *slog.Logger) *Maker {
	return &Maker{client: client, nodes: nodes, leases: leases, policy: policy, log: log, made: map[string]time.Time{}}
}

// Run makes until ctx ends.
func (m *Maker) Run(ctx context.Context) error {
	ticker := time.NewTicker(makeEvery)
	defer ticker.Stop()
	for {
		if err := m.makeAll(ctx); ctx.Err() == nil {
			m.say(err, time.Now())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// makeAll makes what is missing, and returns the first error: the rest are usually the same.
func (m *Maker) makeAll(ctx context.Context) error {
	var first error
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	if has, known := m.nodes.HasDefaultPolicy(); known && !has {
		note(m.once(ctx, "policy", m.makeDefaultPolicy))
	}
	nodes, period := m.nodes.Wanted()
	for _, n := range nodes {
		if ctx.Err() != nil {
			break
		}
		uid := string(n.Node.UID)
		if !n.Health {
			note(m.once(ctx, "health/"+uid, func(ctx context.Context) error { return m.makeHealth(ctx, n) }))
		}
		switch {
		case n.LeaseUID != uid:
			note(m.once(ctx, "lease/"+uid, func(ctx context.Context) error { return m.leases.EnsureLease(ctx, n.Node.Name, n.Node.UID) }))
		case isOtherPeriod(n.Period, period):
			note(m.once(ctx, fmt.Sprintf("period/%s/%s", uid, period), func(ctx context.Context) error {
				return m.leases.SetPeriod(ctx, n.Node.Name, period)
			}))
		}
	}
	note(m.namePeers(ctx, nodes, time.Now()))
	return first
}

// isOtherPeriod: what a lease asks for is off by more than a tenth. In a cluster that grows node by node the period
// moves by milliseconds, and writing every lease for each would cost more than it saves.
func isOtherPeriod(has, want time.Duration) bool {
	if has == 0 {
		has = heartbeat.DefaultPeriod
	}
	return (has - want).Abs() > has/10
}

// once makes a thing, and not again for a while: what was made takes a moment to come back through the watch.
func (m *Maker) once(ctx context.Context, what string, do func(context.Context) error) error {
	if time.Since(m.made[what]) < 10*makeEvery {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := do(ctx); err != nil {
		return err
	}
	m.made[what] = time.Now()
	return nil
}

func (m *Maker) makeHealth(ctx context.Context, n census.Wanted) error {
	_, err := m.client.NodeHealths().Create(ctx, &v1alpha1.NodeHealth{
		ObjectMeta: metav1.ObjectMeta{
			Name:   n.Node.Name,
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByController},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "v1", Kind: "Node", Name: n.Node.Name, UID: n.Node.UID,
			}},
		},
		Spec: v1alpha1.NodeHealthSpec{Intent: v1alpha1.IntentAuto},
	}, metav1.CreateOptions{})
	return ignoreExists("making NodeHealth "+n.Node.Name, err)
}

func (m *Maker) makeDefaultPolicy(ctx context.Context) error {
	policy := &v1alpha1.NodeIsolationPolicy{ObjectMeta: metav1.ObjectMeta{
		Name:   v1alpha1.DefaultPolicyName,
		Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByController},
	}, Spec: *m.policy.DeepCopy()}
	_, err := m.client.NodeIsolationPolicies().Create(ctx, policy, metav1.CreateOptions{})
	if err == nil {
		m.log.Info("made the default policy", "policy", policy.Name)
	}
	return ignoreExists("making the default policy", err)
}

// say logs an error once, and again every minute while it stays.
func (m *Maker) say(err error, now time.Time) {
	for what, at := range m.made {
		if now.Sub(at) > time.Minute {
			delete(m.made, what)
		}
	}
	if err == nil {
		m.said = ""
		return
	}
	if text := err.Error(); text != m.said || now.Sub(m.saidAt) >= sayAgain {
		m.said, m.saidAt = text, now
		m.log.Error("cannot make what a node needs to be heard and shown, trying again", "err", err)
	}
}

func ignoreExists(what string, err error) error {
	if err == nil || apierrors.IsAlreadyExists(err) {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
