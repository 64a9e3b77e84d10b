//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/test/bed"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// controllers say where the controllers of a case run.
type controllers string

const (
	inside  controllers = "in the cluster" // the chart's Deployment
	outside controllers = "outside"        // two processes in the control plane's namespace
)

// A fixture is the cluster with Bulkhead installed.
type fixture struct {
	bed      *bed.Bed
	kube     kubernetes.Interface
	bulkhead client.Interface
	view     *observe.View

	processes []*bed.Process // controllers outside
	started   int            // so far
	hostAgent bool           // n4 has an agent

	isUninstalled bool // nothing can be played any more
}

// Nodes with an agent from the chart carry this label; n4 does not.
const withAgent = "test.bulkhead.dev/agent"

// agentConfig leaves the defaults but for the dwell: a case would wait 30 s for a node that is well again.
const agentConfig = "checks: {defaults: {dwell: 3s}}"

const values = `
agent:
  nodeSelector: {` + withAgent + `: pod}
  config: {` + agentConfig + `}
  # All agents at once, on a machine that compiles beside them.
  maxUnavailable: 100%
controller:
  nodeSelector: {` + withAgent + `: pod}
`

// thePolicy is the default policy with short times, so that the cases follow each other quickly.
func thePolicy() v1alpha1.NodeIsolationPolicySpec {
	second := func(n int) *v1alpha1.Duration { return &v1alpha1.Duration{Duration: time.Duration(n) * time.Second} }
	spec := v1alpha1.NodeIsolationPolicySpec{}
	spec.Default()
	spec.Thresholds.CorrelationWindow = second(4)
	spec.Budget.Window, spec.Budget.Pace = second(30), second(1)
	spec.Recovery = v1alpha1.Recovery{HealthyFor: second(3), MaxHold: second(3), EvictionDeadline: second(5)}
	return spec
}

func newFixture(b *bed.Bed) (*fixture, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	f := &fixture{bed: b}
	var err error
	if f.kube, f.bulkhead, err = observe.Clients(); err != nil {
		return nil, err
	}
	if err := b.LoadOurs(ctx); err != nil {
		return nil, err
	}
	if _, err := b.Kubectl(ctx, "label", "node", "n1", "n2", "n3", withAgent+"=pod"); err != nil {
		return nil, err
	}
	if err := b.Install(ctx, values); err != nil {
		return nil, err
	}
	if err := b.Apply(ctx, hello.Manifest()); err != nil {
		return nil, err
	}
	// Not ctx: the view lives as long as the tests.
	f.view, err = observe.Start(context.Background(), f.kube, f.bulkhead)
	return f, err
}

// use puts the controllers where the case wants them.
func (f *fixture) use(ctx context.Context, where controllers) error {
	if (where == outside) == (len(f.processes) > 0) {
		return nil
	}
	if where == inside {
		f.stopOutside()
		return f.scale(ctx, 2)
	}
	if err := f.scale(ctx, 0); err != nil {
		return err
	}
	return f.startOutside(ctx)
}

// startOutside starts what is missing of two controllers.
func (f *fixture) startOutside(ctx context.Context) error {
	for len(f.processes) < 2 {
		f.started++
		p, err := f.bed.StartController(ctx, bed.Controller{Identity: fmt.Sprintf("outside-%d", f.started), Metrics: "127.0.0.1:0"})
		if err != nil {
			return err
		}
		f.processes = append(f.processes, p)
	}
	return nil
}

func (f *fixture) stopOutside() {
	for _, p := range f.processes {
		p.Stop()
	}
	f.processes = nil
}

func (f *fixture) scale(ctx context.Context, replicas int) error {
	if _, err := f.bed.Kubectl(ctx, "-n", v1alpha1.SystemNamespace, "scale", "deployment", "bulkhead-controller", fmt.Sprintf("--replicas=%d", replicas)); err != nil {
		return err
	}
	_, err := f.view.Until(ctx, "the controllers' pods", func(s observe.State) error {
		there, ready := 0, 0
		for _, p := range s.Pods {
			if p.Namespace == v1alpha1.SystemNamespace && p.Labels["app.kubernetes.io/component"] == "controller" {
				there++
				if observe.IsPodReady(p) {
					ready++
				}
			}
		}
		if there != replicas || ready != replicas {
			return fmt.Errorf("%d pods, %d of them ready, %d wanted", there, ready, replicas)
		}
		return nil
	})
	return err
}

// leads waits until some controller renews the leader's Lease, twice, and returns who.
func (f *fixture) leads(ctx context.Context) (string, error) {
	const lease = v1alpha1.SystemNamespace + "/bulkhead-controller"
	var holder string
	var seen metav1.MicroTime
	renewals := 0
	_, err := f.view.Until(ctx, "a leader that renews its Lease", func(s observe.State) error {
		l := s.Leases[lease]
		if l == nil || l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity == "" || l.Spec.RenewTime == nil {
			return errors.New("nobody holds it")
		}
		switch {
		case holder != *l.Spec.HolderIdentity:
			holder, renewals = *l.Spec.HolderIdentity, 0
		case !seen.Equal(l.Spec.RenewTime):
			renewals++
		}
		seen = *l.Spec.RenewTime
		if renewals < 2 {
			return fmt.Errorf("%s holds it and renewed it %d times", holder, renewals)
		}
		return nil
	})
	return holder, err
}

// process is the outside controller that calls itself this.
func (f *fixture) process(identity string) *bed.Process {
	for _, p := range f.processes {
		if p.Name == identity {
			return p
		}
	}
	return nil
}

// agents lists the nodes that have one.
func (f *fixture) agents() []string {
	if f.hostAgent {
		return []string{"n1", "n2", "n3", "n4"}
	}
	return []string{"n1", "n2", "n3"}
}

// hello is the workload: two pods per node.
var hello = observe.Workload{Namespace: "default", App: "hello", Replicas: 8}

// forget drops a controller that was killed; startOutside starts another in its place.
func (f *fixture) forget(p *bed.Process) {
	f.processes = slices.DeleteFunc(f.processes, func(q *bed.Process) bool { return p == q })
}
