package report

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// A Writer stores the agent's status. Writing the same status again changes nothing.
type Writer interface {
	Write(ctx context.Context, status v1alpha1.AgentStatus) error
}

// A NodeHealthWriter patches status.agent of the node's NodeHealth, and nothing else: that is all an agent may.
type NodeHealthWriter struct {
	client rest.Interface
	node   string
}

var _ Writer = (*NodeHealthWriter)(nil)

// NewNodeHealthWriter writes for one node. client is one for the group bulkhead.dev/v1alpha1.
func NewNodeHealthWriter(client rest.Interface, node string) *NodeHealthWriter {
	return &NodeHealthWriter{client, node}
}

// agentPatch spells every field out. A merge patch leaves alone what it does not name, so a field that became empty
// would keep its old value; null removes it, and the list of checks is replaced whole.
type agentPatch struct {
	Sequence int64                  `json:"sequence"`
	BootID   string                 `json:"bootID"`
	NodeUID  *types.UID             `json:"nodeUID"`
	Version  string                 `json:"version"`
	Checks   []v1alpha1.CheckStatus `json:"checks"`
}

func (w *NodeHealthWriter) Write(ctx context.Context, status v1alpha1.AgentStatus) error {
	patch := agentPatch{Sequence: status.Sequence, BootID: status.BootID, Version: status.Version, Checks: status.Checks}
	if status.NodeUID != "" {
		patch.NodeUID = &status.NodeUID
	}
	body, err := json.Marshal(map[string]any{"status": map[string]any{"agent": patch}})
	if err != nil {
		return fmt.Errorf("encoding the status: %w", err)
	}
	err = w.client.Patch(types.MergePatchType).Resource("nodehealths").Name(w.node).SubResource("status").Body(body).Do(ctx).Error()
	if err != nil {
		return fmt.Errorf("writing NodeHealth %s: %w", w.node, err)
	}
	return nil
}
