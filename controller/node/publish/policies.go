package publish

import (
	"context"
	"encoding/json"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
)

// writePolicies says in each policy's status what became of it, when that changed.
func (p *Publisher) writePolicies(ctx context.Context, states []census.PolicyState) {
	for _, s := range states {
		if p.policies[s.Name] == s {
			continue
		}
		object := p.objects.PolicyObject(s.Name)
		if object == nil {
			continue
		}
		if isWritten(object, s) {
			p.policies[s.Name] = s
			continue
		}
		if err := p.writePolicy(ctx, object, s); err != nil {
			p.log.Warn("cannot write a policy's status, trying again", "policy", s.Name, "err", err)
			continue
		}
		p.policies[s.Name] = s
		if !s.Accepted || s.Reason == census.PolicyOverlaps {
			p.log.Warn("policy is not in force as written", "policy", s.Name, "reason", s.Reason, "message", s.Message)
		} else {
			p.log.Info("policy is in force", "policy", s.Name, "nodes", s.Nodes)
		}
	}
}

func isWritten(o *v1alpha1.NodeIsolationPolicy, s census.PolicyState) bool {
	c := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionAccepted)
	return c != nil && c.Status == statusFor(s.Accepted) && c.Reason == s.Reason && c.Message == cut(s.Message) &&
		c.ObservedGeneration == s.Generation && int(o.Status.Nodes) == s.Nodes
}

func (p *Publisher) writePolicy(ctx context.Context, o *v1alpha1.NodeIsolationPolicy, s census.PolicyState) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	conditions := o.DeepCopy().Status.Conditions
	meta.SetStatusCondition(&conditions, metav1.Condition{
		Type: v1alpha1.ConditionAccepted, Status: statusFor(s.Accepted), Reason: s.Reason, Message: cut(s.Message),
		ObservedGeneration: s.Generation, LastTransitionTime: metav1.NewTime(time.Now()),
	})
	body, err := json.Marshal(map[string]any{"status": map[string]any{"nodes": s.Nodes, "conditions": conditions}})
	if err != nil {
		return err
	}
	_, err = p.client.NodeIsolationPolicies().Patch(ctx, s.Name, types.MergePatchType, body, metav1.PatchOptions{}, "status")
	return err
}

func statusFor(ok bool) metav1.ConditionStatus {
	if ok {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}
