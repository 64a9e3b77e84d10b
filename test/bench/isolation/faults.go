package main

import (
	"fmt"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// nodes is one more than faults and one more: Kubernetes alone meets every fault at once, each on a node of its own, and
// two nodes stay well.
const nodes = 7

// A fault is one kind of harm.
type fault struct {
	name       string
	verb, undo string
	args       []string
	state      v1alpha1.NodeState // as NodeHealth shows it when it is known
	phase      time.Duration      // the random moment is within this: the slowest clock it can meet
}

const (
	oneLook    = time.Second      // of the agent
	oneRenewal = 10 * time.Second // of the kubelet's Lease
)

var faults = []fault{
	{"containerd stopped", "stop-unit", "start-unit", []string{"containerd"}, v1alpha1.NodeUnhealthy, oneLook},
	{"kubelet stopped", "stop-unit", "start-unit", []string{"kubelet"}, v1alpha1.NodeUnhealthy, oneLook},
	{"kubelet frozen", "freeze-unit", "thaw-unit", []string{"kubelet"}, v1alpha1.NodeUnhealthy, oneLook},
	{"power-off", "power-off", "power-on", nil, v1alpha1.NodeDown, oneRenewal},
	{"cut", "cut", "heal", nil, v1alpha1.NodeDown, oneRenewal},
}

// victim of the n-th run: each node in turn, so that no run meets what the one before left.
func victim(n int) string { return fmt.Sprintf("n%d", 1+n%nodes) }

// times of one run, from the fault. A zero never came.
type times struct{ shown, taint, leaving, ready time.Duration }

func (t times) String() string {
	return fmt.Sprintf("shown %5.2fs  taint %5.2fs  all Terminating %5.2fs  Ready elsewhere %5.2fs",
		t.shown.Seconds(), t.taint.Seconds(), t.leaving.Seconds(), t.ready.Seconds())
}
