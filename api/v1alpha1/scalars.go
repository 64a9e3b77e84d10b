package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Percent is a share of nodes, 1 to 100. Shares of a count are rounded down and never below one node:
// with 5 nodes and 20 %, one; with 3 nodes and 20 %, still one.
//
// +kubebuilder:validation:Minimum=1
// +kubebuilder:validation:Maximum=100
type Percent int32

// Of is the number of nodes this share allows out of total: rounded down, at least one.
func (p Percent) Of(total int) int {
	return max(1, total*int(p)/100)
}

// Duration is a length of time, written like 30s, 10m or 1h30m.
//
// Markers on an alias are not read, so each field repeats the pattern. Without it the API server would keep a policy
// that no client can decode, and the controller could read none of them.
type Duration = metav1.Duration

// Action is a rung of the ladder: what is done to a node, mildest first.
//
// Of the design's rungs CutTraffic, Evict and OutOfService are not built yet; the API does not list what it would not do.
//
// +kubebuilder:validation:Enum=Report;NoSchedule;NoExecute
type Action string

// The rungs of the ladder.
const (
	// ActionReport shows the fault and does nothing.
	ActionReport Action = "Report"
	// ActionNoSchedule taints the node so that no new pods come. Reversible.
	ActionNoSchedule Action = "NoSchedule"
	// ActionNoExecute taints the node and evicts the pods that do not tolerate the taint. Guarded by the ledger.
	ActionNoExecute Action = "NoExecute"
)

// Severity orders the rungs: a higher one includes what a lower one does. The empty action is 0.
func (a Action) Severity() int {
	switch a {
	case ActionReport:
		return 1
	case ActionNoSchedule:
		return 2
	case ActionNoExecute:
		return 3
	default:
		return 0
	}
}
