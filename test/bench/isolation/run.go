package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/test/bed"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// An environment is the cluster, watched.
type environment struct {
	bed       *bed.Bed
	kube      kubernetes.Interface
	bulkhead  client.Interface
	view      *observe.View
	processes []*bed.Process
	installed bool
}

var hello = observe.Workload{Namespace: "default", App: "hello", Replicas: 2 * nodes}

// values leave every default of detection. Windows and recovery are short, so that runs can follow each other.
const values = `
agent: {config: {checks: {defaults: {dwell: 3s}}}, maxUnavailable: 100%}
policy:
  spec:
    thresholds: {correlationWindow: 4s}
    budget: {window: 30s, pace: 1s}
    recovery: {healthyFor: 3s, maxHold: 3s, evictionDeadline: 5s}
`

func setUp(ctx context.Context, b *bed.Bed) (*environment, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	e := &environment{bed: b}
	var err error
	if e.kube, e.bulkhead, err = observe.Clients(); err != nil {
		return nil, err
	}
	if err := b.LoadOurs(ctx); err != nil {
		return nil, err
	}
	return e, b.Apply(ctx, hello.Manifest())
}

// install brings Bulkhead, with two controllers outside of the cluster in the place of the chart's.
func (e *environment) install(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := e.bed.Install(ctx, values); err != nil {
		return err
	}
	if _, err := e.bed.Kubectl(ctx, "-n", v1alpha1.SystemNamespace, "scale", "deployment", "bulkhead-controller", "--replicas=0"); err != nil {
		return err
	}
	// The view lives as long as the program.
	view, err := observe.Start(context.WithoutCancel(ctx), e.kube, e.bulkhead)
	if err != nil {
		return err
	}
	e.view, e.installed = view, true
	for _, identity := range []string{"outside-1", "outside-2"} {
		// The policy is the configuration's: the chart gives it to its own controllers the same way.
		p, err := e.bed.StartController(ctx, bed.Controller{Identity: identity, Metrics: "127.0.0.1:0", Config: `
defaultPolicy:
  thresholds: {correlationWindow: 4s}
  budget: {window: 30s, pace: 1s}
  recovery: {healthyFor: 3s, maxHold: 3s, evictionDeadline: 5s}
`})
		if err != nil {
			return err
		}
		e.processes = append(e.processes, p)
	}
	return e.awaitWell(ctx)
}

func (e *environment) close() {
	for _, p := range e.processes {
		p.Stop()
	}
}

// awaitWell waits until nothing is left of an earlier run.
func (e *environment) awaitWell(ctx context.Context) error {
	_, err := e.moment(ctx, "all nodes to be well", 3*time.Minute, e.isWell)
	return err
}

func (e *environment) moment(ctx context.Context, what string, patience time.Duration, c observe.Condition) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return e.view.Until(ctx, what, c)
}

// isWell: nothing is left of an earlier run.
func (e *environment) isWell(s observe.State) error {
	if len(s.Nodes) != nodes {
		return fmt.Errorf("%d nodes", len(s.Nodes))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Nodes)) {
		n := s.Nodes[name]
		if !observe.IsReady(n) || len(n.Spec.Taints) > 0 {
			return fmt.Errorf("%s is not Ready or has taints", name)
		}
		if err := observe.InState(name, v1alpha1.NodeHealthy)(s); e.installed && err != nil {
			return err
		}
	}
	if e.installed {
		return observe.LedgerIsEmpty(s)
	}
	return nil
}

// once is one run of one fault with Bulkhead.
func (e *environment) once(ctx context.Context, f fault, node string, random *rand.Rand) (times, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := e.awaitWell(ctx); err != nil {
		return times{}, err
	}
	if err := hello.Spread(ctx, e.kube, e.view); err != nil {
		return times{}, err
	}
	time.Sleep(time.Duration(random.Int64N(int64(f.phase))))
	pods := hello.On(e.view.Now(), node)
	at, err := e.bed.Fault(ctx, f.verb, node, f.args...)
	if err != nil {
		return times{}, err
	}
	t, err := e.measure(ctx, at, moments{
		shown: observe.InState(node, f.state), taint: observe.Tainted(node),
		leaving: observe.Leaving(pods), ready: observe.ReadyElsewhere(hello, node),
	}, time.Minute)
	if err != nil {
		return t, err
	}
	if err := observe.Refund(ctx, e.bulkhead, e.view); err != nil {
		return t, err
	}
	_, err = e.bed.Fault(ctx, f.undo, node, f.args...)
	return t, err
}

// moments are the four conditions whose first moments are measured.
type moments struct{ shown, taint, leaving, ready observe.Condition }

func (e *environment) measure(ctx context.Context, at time.Time, m moments, patience time.Duration) (times, error) {
	var t times
	for _, one := range []struct {
		what      string
		condition observe.Condition
		into      *time.Duration
	}{
		{"the fault to be shown", m.shown, &t.shown},
		{"the taint", m.taint, &t.taint},
		{"all pods to be asked to leave", m.leaving, &t.leaving},
		{"the replacements to be Ready", m.ready, &t.ready},
	} {
		seen, err := e.moment(ctx, one.what, patience, one.condition)
		if err != nil {
			return t, err
		}
		*one.into = seen.Sub(at)
	}
	return t, nil
}
