//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// A case is one line of the specification.
type testcase struct {
	name        string
	controllers controllers
	expected    string
	victims     []string // nodes that may be tainted; any other taint of ours fails the case
	run         func(*scene)
}

// A scene is one case being played.
type scene struct {
	*fixture
	t        *testing.T
	ctx      context.Context // the case's own deadline
	observed []string
	victims  []string
	undo     []func()
}

// How long a case watches that nothing is done. A reported fault is acted on after 3 s, a silent node after at most
// 3 s + 12 s + 1 s.
const (
	watchReported = 7 * time.Second
	watchSilent   = 17 * time.Second
)

// undoneBy is what takes a harm back.
var undoneBy = map[string]string{
	"stop-unit": "start-unit", "abandon-unit": "adopt-unit", "mask-unit": "unmask-unit", "freeze-unit": "thaw-unit", "freeze-node": "thaw-node",
	"power-off": "power-on", "cut": "heal", "half-cut": "clear-network", "flush-rules": "restart-rules",
}

// play plays one case from a clean state, and notes its row.
func play(t *testing.T, f *fixture, c testcase) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s := &scene{fixture: f, t: t, ctx: ctx, victims: c.victims}
	defer func() {
		theTable.rows = append(theTable.rows, row{
			name: c.name, controllers: string(c.controllers), expected: c.expected,
			observed: strings.Join(s.observed, "; "), took: time.Since(began), failed: t.Failed(),
		})
	}()
	defer func() {
		if t.Failed() {
			s.keepEvidence()
		}
	}()
	require.NoError(t, f.use(ctx, c.controllers))
	s.clean()
	stop := s.guard()
	defer stop()
	defer s.undoAll()
	s.must(f.leads(ctx))
	c.run(s)
	if !f.isUninstalled {
		s.must(f.leads(ctx))
	}
}

// guard watches the whole case that no node but the victims is ever tainted by us.
func (s *scene) guard() (stop func()) {
	ctx, cancel := context.WithCancel(s.ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		err := s.view.Always(ctx, time.Hour, func(st observe.State) error {
			for _, node := range st.Tainted() {
				if !slices.Contains(s.victims, node) {
					return fmt.Errorf("%s was isolated, which this case does not expect", node)
				}
			}
			return nil
		})
		if ctx.Err() == nil {
			s.t.Error(err)
		}
	})
	return func() {
		cancel()
		watching.Wait()
	}
}

func (s *scene) must(_ string, err error) {
	s.t.Helper()
	require.NoError(s.t, err)
}

// note adds to what the table says was observed.
func (s *scene) note(format string, args ...any) {
	s.observed = append(s.observed, fmt.Sprintf(format, args...))
	s.t.Logf(format, args...)
}

// harm does harm to a node, to be undone at the end at the latest, and returns when.
func (s *scene) harm(verb, node string, args ...string) time.Time {
	s.t.Helper()
	at, err := s.bed.Fault(s.ctx, verb, node, args...)
	require.NoError(s.t, err)
	if back, isUndone := undoneBy[verb]; isUndone {
		s.later(func() { s.restore(back, node, args...) })
	}
	return at
}

// harmAll does harm to several nodes in the same moment: one that falls silent a beat before the others was, for that beat,
// silent while they were heard.
func (s *scene) harmAll(verb string, nodes []string) {
	s.t.Helper()
	var group errgroup.Group
	for _, node := range nodes {
		s.later(func() { s.restore(undoneBy[verb], node) })
		group.Go(func() error {
			_, err := s.bed.Fault(s.ctx, verb, node)
			return err
		})
	}
	require.NoError(s.t, group.Wait())
}

// later does something at the end of the case.
func (s *scene) later(do func()) { s.undo = append(s.undo, do) }

// restore undoes a harm. It works after the deadline of the case, too.
func (s *scene) restore(verb, node string, args ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), time.Minute)
	defer cancel()
	if _, err := s.bed.Fault(ctx, verb, node, args...); err != nil && !strings.Contains(err.Error(), "has no process") {
		s.t.Error(err)
	}
}

// undoAll takes every harm back that the case has not, the last first.
func (s *scene) undoAll() {
	s.refund()
	for _, undo := range slices.Backward(s.undo) {
		undo()
	}
	s.undo = nil
}

// kubectl runs kubectl and fails the case if it fails.
func (s *scene) kubectl(argv ...string) string {
	s.t.Helper()
	out, err := s.bed.Kubectl(context.WithoutCancel(s.ctx), argv...)
	require.NoError(s.t, err)
	return out
}

// until waits for a condition and returns when it was first seen to hold.
func (s *scene) until(what string, patience time.Duration, conditions ...condition) time.Time {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	at, err := s.view.Until(ctx, what, observe.All(conditions...))
	require.NoError(s.t, err)
	return at
}

// during watches that the conditions hold all the time.
func (s *scene) during(howLong time.Duration, conditions ...condition) {
	s.t.Helper()
	require.NoError(s.t, s.view.Always(s.ctx, howLong, observe.All(conditions...)))
}

// clean waits for a state in which nothing is left of the case before, and makes sure of it.
func (s *scene) clean() {
	s.t.Helper()
	ours := s.bulkhead.BulkheadV1alpha1()
	require.NoError(s.t, ours.ProtectionLocks().DeleteCollection(s.ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	s.must(s.leads(s.ctx))
	s.setPolicy(thePolicy())
	s.until("all nodes to be well", 2*time.Minute, func(st observe.State) error {
		if len(st.Nodes) != 4 {
			return fmt.Errorf("%d nodes", len(st.Nodes))
		}
		for _, node := range slices.Sorted(maps.Keys(st.Nodes)) {
			if err := s.isWell(st, node); err != nil {
				return err
			}
		}
		return observe.LedgerIsEmpty(st)
	})
	require.NoError(s.t, hello.Spread(s.ctx, s.kube, s.view))
}

func (s *scene) isWell(st observe.State, node string) error {
	n, h := st.Nodes[node], st.Health(node)
	want := v1alpha1.NodeHealthy
	if !slices.Contains(s.agents(), node) {
		want = v1alpha1.NodeUnheard
	}
	switch {
	case !observe.IsReady(n) || n.Spec.Unschedulable || len(n.Spec.Taints) > 0:
		return fmt.Errorf("%s is not Ready, is cordoned or has taints %v", node, n.Spec.Taints)
	case h.State != want:
		return fmt.Errorf("%s is %q, not %s", node, h.State, want)
	case h.Isolation != nil:
		return fmt.Errorf("%s has an isolation: %+v", node, *h.Isolation)
	}
	return nil
}

// setPolicy makes the default policy say this.
func (s *scene) setPolicy(spec v1alpha1.NodeIsolationPolicySpec) {
	s.t.Helper()
	policies := s.bulkhead.BulkheadV1alpha1().NodeIsolationPolicies()
	soon := wait.Backoff{Steps: 100, Duration: 100 * time.Millisecond} // the controller makes it, once
	require.NoError(s.t, retry.OnError(soon, func(err error) bool { return apierrors.IsConflict(err) || apierrors.IsNotFound(err) }, func() error {
		policy, err := policies.Get(s.ctx, v1alpha1.DefaultPolicyName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		policy.Spec = spec
		_, err = policies.Update(s.ctx, policy, metav1.UpdateOptions{})
		return err
	}))
}

// refund gives the next case its whole budget at once.
func (s *scene) refund() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), 10*time.Second)
	defer cancel()
	if err := observe.Refund(ctx, s.bulkhead, s.view); err != nil {
		s.t.Error("refunding:", err)
	}
}

// keepEvidence writes what a person needs to understand a failure.
func (s *scene) keepEvidence() {
	dir := filepath.Join(os.TempDir(), "bulkhead-e2e", strings.ReplaceAll(s.t.Name(), "/", "-"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Log(err)
		return
	}
	write := func(name, text string) { _ = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) }
	for _, p := range s.processes {
		write("controller-"+p.Name+".log", p.Log())
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), 20*time.Second)
	defer cancel()
	for name, argv := range map[string][]string{
		"nodehealths.yaml": {"get", "nodehealths,isolationledgers,nodeisolationpolicies,protectionlocks", "-o", "yaml"},
		"nodes.yaml":       {"get", "nodes", "-o", "yaml"},
		"pods.txt":         {"get", "pods", "-A", "-o", "wide"},
		"events.txt":       {"get", "events", "-A", "--sort-by=.lastTimestamp"},
		"controllers.log":  {"logs", "-n", v1alpha1.SystemNamespace, "-l", "app.kubernetes.io/component=controller", "--prefix", "--tail=-1", "--ignore-errors"},
		"agents.log":       {"logs", "-n", v1alpha1.SystemNamespace, "-l", "app.kubernetes.io/component=agent", "--prefix", "--tail=-1", "--ignore-errors"},
	} {
		out, err := s.bed.Kubectl(ctx, argv...)
		if err != nil {
			out += "\n" + err.Error()
		}
		write(name, out)
	}
	s.t.Logf("what was found when it failed is in %s", dir)
}
