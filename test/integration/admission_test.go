//go:build integration

package integration

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// as is who writes: a service account's clients.
type as struct {
	bulkhead client.Interface
	kube     kubernetes.Interface
}

// account is a service account of ours by a token bound to a Node, or to nothing.
func account(t *testing.T, name string, node *corev1.Node) as {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	if node != nil {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Node", Name: node.Name, UID: node.UID}
	}
	token, err := kube.CoreV1().ServiceAccounts(v1alpha1.SystemNamespace).CreateToken(t.Context(), name, request, metav1.CreateOptions{})
	require.NoError(t, err)
	config := rest.AnonymousClientConfig(admin)
	config.BearerToken = token.Status.Token
	a := as{}
	a.kube, err = kubernetes.NewForConfig(config)
	require.NoError(t, err)
	a.bulkhead, err = client.NewForConfig(config)
	require.NoError(t, err)
	return a
}

// patchHealth sends a merge patch of a NodeHealth, or of its status.
func (a as) patchHealth(ctx context.Context, node, patch string, subresource ...string) error {
	_, err := a.bulkhead.BulkheadV1alpha1().NodeHealths().Patch(ctx, node, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, subresource...)
	return err
}

// twoNodes are n1, which is real, and n2, which is only registered, with what the controller makes for each.
func twoNodes(t *testing.T) (n1, n2 *corev1.Node) {
	t.Helper()
	ctx := t.Context()
	n1, err := kube.CoreV1().Nodes().Get(ctx, "n1", metav1.GetOptions{})
	require.NoError(t, err)
	n2, err = kube.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n2"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	leases := kube.CoordinationV1().Leases(v1alpha1.HeartbeatNamespace)
	for _, name := range []string{"n1", "n2"} {
		_, err := bulkhead.BulkheadV1alpha1().NodeHealths().Create(ctx, &v1alpha1.NodeHealth{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		require.NoError(t, err)
		_, err = leases.Create(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{v1alpha1.LabelHeartbeat: v1alpha1.HeartbeatNode},
		}}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(ctx)
		_ = kube.CoreV1().Nodes().Delete(ctx, "n2", metav1.DeleteOptions{})
		for _, name := range []string{"n1", "n2"} {
			_ = bulkhead.BulkheadV1alpha1().NodeHealths().Delete(ctx, name, metav1.DeleteOptions{})
			_ = leases.Delete(ctx, name, metav1.DeleteOptions{})
		}
	})
	return n1, n2
}

const reportOfAgent = `{"status":{"agent":{"sequence":1,"bootID":"b","checks":[{"name":"kubelet","state":"Healthy"}]}}}`

func TestAdmission_AnAgentWritesItsOwnStatusAndNothingElse(t *testing.T) {
	n1, _ := twoNodes(t)
	agent, nobody, controller := account(t, "bulkhead-agent", n1), account(t, "bulkhead-agent", nil), account(t, "bulkhead-controller", nil)
	ctx := t.Context()
	// A policy takes a moment to be in force after its installation.
	eventually(t, "the admission policies", func() error {
		if err := agent.patchHealth(ctx, "n2", reportOfAgent, "status"); err == nil {
			return fmt.Errorf("n2 was written by n1's agent")
		}
		return nil
	})

	require.NoError(t, agent.patchHealth(ctx, "n1", reportOfAgent, "status"))
	require.ErrorContains(t, agent.patchHealth(ctx, "n2", reportOfAgent, "status"), "the agent of node n1 may not write the NodeHealth of n2")
	require.ErrorContains(t, nobody.patchHealth(ctx, "n1", reportOfAgent, "status"), "this token names no node; use the token of the agent's pod")
	require.ErrorContains(t, agent.patchHealth(ctx, "n1", `{"status":{"state":"Healthy"}}`, "status"), "an agent writes status.agent; the rest of the status is the controller's")
	require.ErrorContains(t, agent.patchHealth(ctx, "n1", `{"spec":{"intent":"Protect","reason":"mine"}}`), "forbidden")

	require.NoError(t, controller.patchHealth(ctx, "n1", `{"status":{"state":"Healthy","reason":"","message":"well"}}`, "status"))
	require.NoError(t, agent.patchHealth(ctx, "n1", `{"status":{"agent":{"sequence":2}}}`, "status"), "what the controller says does not stop an agent")
	require.ErrorContains(t, agent.patchHealth(ctx, "n1", `{"status":{"state":null}}`, "status"), "the rest of the status is the controller's")
	nh, err := bulkhead.BulkheadV1alpha1().NodeHealths().Get(ctx, "n1", metav1.GetOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 2, nh.Status.Agent.Sequence)
	require.Equal(t, v1alpha1.NodeHealthy, nh.Status.State)
	_, err = agent.bulkhead.BulkheadV1alpha1().NodeHealths().Create(ctx, &v1alpha1.NodeHealth{ObjectMeta: metav1.ObjectMeta{Name: "n3"}}, metav1.CreateOptions{})
	require.ErrorContains(t, err, "forbidden")
	require.ErrorContains(t, agent.bulkhead.BulkheadV1alpha1().NodeHealths().Delete(ctx, "n1", metav1.DeleteOptions{}), "forbidden")
}

func TestAdmission_AnAgentRenewsItsOwnLeaseAndNothingElse(t *testing.T) {
	n1, _ := twoNodes(t)
	agent, nobody := account(t, "bulkhead-agent", n1), account(t, "bulkhead-agent", nil)
	ctx := t.Context()
	renew := func(who as, name string, change func(*coordinationv1.Lease)) error {
		leases := who.kube.CoordinationV1().Leases(v1alpha1.HeartbeatNamespace)
		lease, err := leases.Get(ctx, name, metav1.GetOptions{})
		require.NoError(t, err)
		change(lease)
		_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
		return err
	}
	beat := func(l *coordinationv1.Lease) { l.Spec.RenewTime = &metav1.MicroTime{Time: time.Now()} }
	eventually(t, "the admission policies", func() error {
		if err := renew(agent, "n2", beat); err == nil {
			return fmt.Errorf("n2 was renewed by n1's agent")
		}
		return nil
	})

	require.NoError(t, renew(agent, "n1", beat))
	require.ErrorContains(t, renew(agent, "n2", beat), "the agent of node n1 may not renew the Lease of n2")
	require.ErrorContains(t, renew(nobody, "n1", beat), "this token names no node")
	for what, change := range map[string]func(*coordinationv1.Lease){
		"its label": func(l *coordinationv1.Lease) { l.Labels[v1alpha1.LabelHeartbeat] = v1alpha1.HeartbeatController },
		"its owner": func(l *coordinationv1.Lease) {
			l.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: "n2", UID: "u"}}
		},
		"its period": func(l *coordinationv1.Lease) { l.Annotations = map[string]string{v1alpha1.AnnotationBeatPeriod: "1h"} },
	} {
		require.ErrorContains(t, renew(agent, "n1", change), "are the controller's", what)
	}
	elsewhere := agent.kube.CoordinationV1().Leases("kube-node-lease")
	_, err := elsewhere.Get(ctx, "n1", metav1.GetOptions{})
	require.ErrorContains(t, err, "forbidden")
	_, err = agent.kube.CoordinationV1().Leases(v1alpha1.HeartbeatNamespace).Create(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "n3"}}, metav1.CreateOptions{})
	require.ErrorContains(t, err, "forbidden")
	_, err = agent.kube.CoreV1().Nodes().Patch(ctx, "n1", types.MergePatchType, []byte(`{"spec":{"unschedulable":true}}`), metav1.PatchOptions{})
	require.ErrorContains(t, err, "forbidden")
}

// Agent and controller write the same object at once, each its part, and neither loses what the other wrote.
func TestNodeHealth_TwoWritersDoNotLoseEachOthersPart(t *testing.T) {
	n1, _ := twoNodes(t)
	agent, controller := account(t, "bulkhead-agent", n1), account(t, "bulkhead-controller", nil)
	ctx := t.Context()
	require.NoError(t, agent.patchHealth(ctx, "n1", reportOfAgent, "status"))
	const times = 25
	var both sync.WaitGroup
	write := func(who as, patch string) {
		both.Go(func() {
			for n := range times {
				if err := who.patchHealth(ctx, "n1", fmt.Sprintf(patch, n+1), "status"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	write(agent, `{"status":{"agent":{"sequence":%d}}}`)
	write(controller, `{"status":{"message":"%d"}}`)
	both.Wait()
	nh, err := bulkhead.BulkheadV1alpha1().NodeHealths().Get(ctx, "n1", metav1.GetOptions{})
	require.NoError(t, err)
	require.EqualValues(t, times, nh.Status.Agent.Sequence)
	require.Equal(t, fmt.Sprint(times), nh.Status.Message)
}
