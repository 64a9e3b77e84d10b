// Package nodetest is a small cluster for tests in synctest bubbles: client-go's fakes hold the objects, agents beat
// over an in-memory transport, kubelets renew their Leases, and the API server's clock is the bubble's.
package nodetest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	bulkheadfake "github.com/bulkhead-dev/bulkhead/api/client/fake"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat/heartbeattest"
)

// A Cluster has nodes n1, n2, … whose agents beat every second. It is its own Pulse, Clock and BeatReader.
type Cluster struct {
	Kube     *kubefake.Clientset
	Bulkhead *bulkheadfake.Clientset
	Beats    *heartbeattest.Memory
	Log      *slog.Logger
	T        *testing.T

	ctx context.Context

	mu     sync.Mutex // guards everything below
	agents map[string]*agent
	deaf   time.Time // since when our pulse does not come back; zero: it does
	newest map[string]heartbeat.Event
}

type agent struct {
	beat   heartbeat.Heartbeat
	silent bool // the agent beats no more
	dead   bool // nor does the kubelet renew
}

// New is a cluster of nodes, in a bubble that ends with ctx. kubelets renew every 10 s.
func New(t *testing.T, ctx context.Context, nodes int) *Cluster {
	t.Helper()
	c := &Cluster{
		Kube: kubefake.NewClientset(), Bulkhead: bulkheadfake.NewSimpleClientset(), Beats: &heartbeattest.Memory{},
		Log: slog.New(slog.DiscardHandler), T: t, ctx: ctx,
		agents: map[string]*agent{}, newest: map[string]heartbeat.Event{},
	}
	c.Kube.PrependReactor("list", "pods", c.podsOfOneNode)
	go func() { _ = c.Beats.Source().Watch(ctx, c.note) }()
	for i := range nodes {
		c.AddNode(fmt.Sprintf("n%d", i+1), nil)
	}
	return c
}

// AddNode adds a Ready node with everything the controller would have made for it.
func (c *Cluster) AddNode(name string, change func(*corev1.Node)) {
	c.T.Helper()
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), Labels: map[string]string{}},
		Status: corev1.NodeStatus{
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
			Addresses:  []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "10.0.0.1"}},
		},
	}
	if change != nil {
		change(n)
	}
	_, err := c.Kube.CoreV1().Nodes().Create(c.ctx, n, metav1.CreateOptions{})
	require.NoError(c.T, err)
	_, err = c.Bulkhead.BulkheadV1alpha1().NodeHealths().Create(c.ctx, &v1alpha1.NodeHealth{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Status:     v1alpha1.NodeHealthStatus{Agent: &v1alpha1.AgentStatus{BootID: "boot-" + name, Sequence: 1}},
	}, metav1.CreateOptions{})
	require.NoError(c.T, err)
	require.NoError(c.T, c.Beats.EnsureLease(c.ctx, name, string(n.UID)))
	a := &agent{beat: heartbeat.Heartbeat{
		Node: name, Holder: "agent-" + name, BootID: "boot-" + name, Sequence: 1, Phase: v1alpha1.PhaseRunning, Next: time.Second,
	}}
	c.mu.Lock()
	c.agents[name] = a
	c.mu.Unlock()
	c.renew(name, true)
	go c.live(name, a)
}

// live is the node's agent and kubelet.
func (c *Cluster) live(name string, a *agent) {
	publisher := c.Beats.Publisher(name)
	for second := 0; ; second++ {
		c.mu.Lock()
		beat, silent, dead := a.beat, a.silent, a.dead
		c.mu.Unlock()
		if !silent && !dead {
			_, _ = publisher.Publish(c.ctx, beat) // a node that was cut off is silent, and means to be
		}
		if !dead && second%10 == 9 {
			c.renew(name, false)
		}
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

func (c *Cluster) renew(name string, first bool) {
	leases := c.Kube.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	now := metav1.NewMicroTime(time.Now())
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: corev1.NamespaceNodeLease}, Spec: coordinationv1.LeaseSpec{RenewTime: &now}}
	if first {
		_, _ = leases.Create(c.ctx, lease, metav1.CreateOptions{})
		return
	}
	_, _ = leases.Update(c.ctx, lease, metav1.UpdateOptions{})
}

// Renew is one renewal by the node's kubelet, even of a dead one.
func (c *Cluster) Renew(node string) { c.renew(node, false) }

// Fail makes a check of the node's agent Unhealthy, and Mend Healthy again.
func (c *Cluster) Fail(node, check string) { c.report(node, check, v1alpha1.CheckUnhealthy) }

// Mend ends Fail.
func (c *Cluster) Mend(node, check string) { c.report(node, check, v1alpha1.CheckHealthy) }

func (c *Cluster) report(node, check string, state v1alpha1.CheckState) {
	c.T.Helper()
	c.mu.Lock()
	a := c.agents[node]
	a.beat.Sequence++
	sequence, boot := a.beat.Sequence, a.beat.BootID
	c.mu.Unlock()
	h := c.Health(node)
	h.Status.Agent = &v1alpha1.AgentStatus{BootID: boot, Sequence: sequence, Checks: []v1alpha1.CheckStatus{
		{Name: check, State: state, Reason: "KubeletNotRunning", Message: "as told by the test"},
	}}
	_, err := c.Bulkhead.BulkheadV1alpha1().NodeHealths().UpdateStatus(c.ctx, h, metav1.UpdateOptions{})
	require.NoError(c.T, err)
}

// Intend is a person's word about a node.
func (c *Cluster) Intend(node string, intent v1alpha1.Intent) {
	c.T.Helper()
	h := c.Health(node)
	h.Spec = v1alpha1.NodeHealthSpec{Intent: intent, Reason: "a test says so"}
	_, err := c.Bulkhead.BulkheadV1alpha1().NodeHealths().Update(c.ctx, h, metav1.UpdateOptions{})
	require.NoError(c.T, err)
}

// Silence stops the node's agent; Kill stops its kubelet too; Revive starts both.
func (c *Cluster) Silence(node string) { c.set(node, true, false) }

// Kill stops agent and kubelet.
func (c *Cluster) Kill(node string) { c.set(node, true, true) }

// Revive starts agent and kubelet.
func (c *Cluster) Revive(node string) { c.set(node, false, false) }

func (c *Cluster) set(node string, silent, dead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.agents[node].silent, c.agents[node].dead = silent, dead
}

// Say changes what the node's next beats say.
func (c *Cluster) Say(node string, change func(*heartbeat.Heartbeat)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.agents[node].beat)
}

// Deafen keeps our own pulse from coming back; Hear ends it. Beats are kept back too.
func (c *Cluster) Deafen() {
	c.mu.Lock()
	c.deaf = time.Now()
	c.mu.Unlock()
	c.Beats.Pause()
}

// Hear ends Deafen.
func (c *Cluster) Hear() {
	c.mu.Lock()
	c.deaf = time.Time{}
	c.mu.Unlock()
	c.Beats.Resume()
}

// FreshAt makes the cluster a Pulse.
func (c *Cluster) FreshAt() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.deaf.IsZero() {
		return c.deaf
	}
	return time.Now()
}

// ServerNow makes the cluster a Clock.
func (c *Cluster) ServerNow(now time.Time) (time.Time, bool) { return now.Round(0), true }

// Look makes the cluster a BeatReader.
func (c *Cluster) Look(_ context.Context, node string) (heartbeat.Event, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.newest[node], nil
}

func (c *Cluster) note(e heartbeat.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.newest[e.Node] = e
}

// Node reads a Node.
func (c *Cluster) Node(name string) *corev1.Node {
	c.T.Helper()
	n, err := c.Kube.CoreV1().Nodes().Get(c.ctx, name, metav1.GetOptions{})
	require.NoError(c.T, err)
	return n
}

// ChangeNode changes a Node.
func (c *Cluster) ChangeNode(name string, change func(*corev1.Node)) {
	c.T.Helper()
	n := c.Node(name)
	change(n)
	_, err := c.Kube.CoreV1().Nodes().Update(c.ctx, n, metav1.UpdateOptions{})
	require.NoError(c.T, err)
}

// Health reads a NodeHealth.
func (c *Cluster) Health(name string) *v1alpha1.NodeHealth {
	c.T.Helper()
	h, err := c.Bulkhead.BulkheadV1alpha1().NodeHealths().Get(c.ctx, name, metav1.GetOptions{})
	require.NoError(c.T, err)
	return h
}

// Lock creates a lock over the cluster.
func (c *Cluster) Lock(name string, until time.Time) {
	c.T.Helper()
	l := &v1alpha1.ProtectionLock{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), CreationTimestamp: metav1.Now()},
		Spec:       v1alpha1.ProtectionLockSpec{Scope: v1alpha1.LockCluster, Reason: "maintenance", Owner: "kim"},
	}
	if !until.IsZero() {
		at := metav1.NewTime(until)
		l.Spec.Until = &at
	}
	_, err := c.Bulkhead.BulkheadV1alpha1().ProtectionLocks().Create(c.ctx, l, metav1.CreateOptions{})
	require.NoError(c.T, err)
}

// Unlock deletes a lock.
func (c *Cluster) Unlock(name string) {
	c.T.Helper()
	require.NoError(c.T, c.Bulkhead.BulkheadV1alpha1().ProtectionLocks().Delete(c.ctx, name, metav1.DeleteOptions{}))
}

// SetPolicy creates or replaces a policy.
func (c *Cluster) SetPolicy(name string, change func(*v1alpha1.NodeIsolationPolicySpec)) {
	c.T.Helper()
	policies := c.Bulkhead.BulkheadV1alpha1().NodeIsolationPolicies()
	p := &v1alpha1.NodeIsolationPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
	p.Spec.Default()
	change(&p.Spec)
	if _, err := policies.Create(c.ctx, p, metav1.CreateOptions{}); err == nil {
		return
	}
	_, err := policies.Update(c.ctx, p, metav1.UpdateOptions{})
	require.NoError(c.T, err)
}

// podsOfOneNode does what the fakes do not: a field selector on spec.nodeName.
func (c *Cluster) podsOfOneNode(action clienttesting.Action) (bool, runtime.Object, error) {
	list := action.(clienttesting.ListAction)
	want, ok := list.GetListRestrictions().Fields.RequiresExactMatch("spec.nodeName")
	all, err := c.Kube.Tracker().List(action.GetResource(), corev1.SchemeGroupVersion.WithKind("Pod"), action.GetNamespace())
	if err != nil || !ok {
		return err != nil, all, err
	}
	out := &corev1.PodList{}
	for _, p := range all.(*corev1.PodList).Items {
		if p.Spec.NodeName == want {
			out.Items = append(out.Items, p)
		}
	}
	return true, out, nil
}
