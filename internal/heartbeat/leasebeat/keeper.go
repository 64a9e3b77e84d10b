package leasebeat

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// A Keeper makes the nodes' leases and asks for beat periods. The controller uses it; an agent may do neither.
type Keeper struct{ client rest.Interface }

// NewKeeper keeps leases. client comes from NewClient.
func NewKeeper(client rest.Interface) *Keeper { return &Keeper{client} }

// EnsureLease makes the node's lease, owned by the Node so that it goes when the node goes. A lease made for an
// earlier Node of the same name is replaced: its beats say nothing of this one. The beats of a lease that is already
// right are left alone. A node that already has its lease with its UID in an Event needs no call.
func (k *Keeper) EnsureLease(ctx context.Context, node string, uid types.UID) error {
	for range 2 { // once more after an earlier Node's lease was deleted
		err := k.client.Post().Namespace(v1alpha1.HeartbeatNamespace).Resource(resource).Body(newLease(node, uid)).Do(ctx).Error()
		if !apierrors.IsAlreadyExists(err) {
			return about("creating the heartbeat lease of "+node, err)
		}
		right, err := k.replaceable(ctx, node, uid)
		if err != nil || right {
			return about("checking the heartbeat lease of "+node, err)
		}
	}
	return fmt.Errorf("creating the heartbeat lease of %s: it was deleted and came back; trying again later", node)
}

// replaceable deletes a lease that was made for another Node. right: there is nothing to do.
func (k *Keeper) replaceable(ctx context.Context, node string, uid types.UID) (right bool, err error) {
	lease := &coordinationv1.Lease{}
	if err := k.request("GET", node).Do(ctx).Into(lease); err != nil {
		return false, ignoreNotFound(err)
	}
	if nodeUID(lease) == uid {
		if lease.Labels[v1alpha1.LabelHeartbeat] == v1alpha1.HeartbeatNode {
			return true, nil
		}
		return true, k.patch(ctx, node, map[string]any{"labels": map[string]string{v1alpha1.LabelHeartbeat: v1alpha1.HeartbeatNode}})
	}
	if lease.Labels[v1alpha1.LabelManagedBy] != v1alpha1.ManagedByController {
		return false, fmt.Errorf("lease %s/%s is not ours; delete it, or the node cannot be heard", v1alpha1.HeartbeatNamespace, node)
	}
	precondition := &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &lease.UID}}
	return false, ignoreNotFound(k.request("DELETE", node).Body(precondition).Do(ctx).Error())
}

// SetPeriod asks the node's agent for a beat period. The agent reads it in the answer to its next beat.
func (k *Keeper) SetPeriod(ctx context.Context, node string, period time.Duration) error {
	err := k.patch(ctx, node, map[string]any{"annotations": map[string]string{v1alpha1.AnnotationBeatPeriod: period.String()}})
	return about("asking "+node+" for a beat every "+period.String(), err)
}

func (k *Keeper) patch(ctx context.Context, node string, metadata map[string]any) error {
	body, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return err
	}
	return k.client.Patch(types.MergePatchType).Namespace(v1alpha1.HeartbeatNamespace).Resource(resource).Name(node).Body(body).Do(ctx).Error()
}

func (k *Keeper) request(verb, node string) *rest.Request {
	return k.client.Verb(verb).Namespace(v1alpha1.HeartbeatNamespace).Resource(resource).Name(node)
}

func newLease(node string, uid types.UID) *coordinationv1.Lease {
	return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Name:            node,
		Namespace:       v1alpha1.HeartbeatNamespace,
		Labels:          labels(v1alpha1.HeartbeatNode),
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: node, UID: uid}},
	}}
}

func labels(heartbeat string) map[string]string {
	return map[string]string{
		v1alpha1.LabelHeartbeat: heartbeat,
		v1alpha1.LabelManagedBy: v1alpha1.ManagedByController,
	}
}

func nodeUID(lease *coordinationv1.Lease) types.UID {
	for _, owner := range lease.OwnerReferences {
		if owner.Kind == "Node" && owner.APIVersion == "v1" {
			return owner.UID
		}
	}
	return ""
}

func about(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
