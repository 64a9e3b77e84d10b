package decision

import (
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// Plan is what to do now and when to look again.
type Plan struct {
	// Ledger is to be saved before any action is carried out; it equals the snapshot's when nothing changed.
	Ledger   protect.Ledger
	Actions  []Action
	Withheld []Withheld // stopped by the gate; shown to operators
	// HandReleased names the nodes whose taint somebody else removed, noticed in this pass.
	HandReleased []string
	Verdicts     []Verdict
	// Ask lists the UIDs of silent nodes that should be dialed now.
	Ask       []string
	Memory    map[string]Memory
	Census    protect.Census
	Condition protect.Conditions
	// NextCheck is when time alone may change the plan. It lies ahead of now.
	NextCheck time.Time
}

// Kind of an action.
type Kind string

// The kinds of actions.
const (
	// Isolate puts our taint on the node; with rung NoExecute its pods are evicted after it.
	Isolate Kind = "Isolate"
	// Release takes our taint back.
	Release Kind = "Release"
)

// Action is one thing to make true.
type Action struct {
	Kind      Kind
	Node, UID string
	Rung      v1alpha1.Action
	Reason    v1alpha1.Reason
	Message   string
	Permit    string // of an Isolate with rung NoExecute
	Evidence  string // what it rests on: read it again before acting
	ByHand    bool
	Policy    string
}

// Withheld is an action that brakes hold back.
type Withheld struct {
	Action
	protect.Verdict
}
