package fault

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/cluster/node"
	"github.com/bulkhead-dev/bulkhead/test/cluster/process"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

// Verb is one kind of harm, or the undoing of one.
type Verb struct {
	Name     string
	Args     string // what follows the node, as in a usage line
	Undo     string // the verb that takes it back, if there is one
	Short    string
	Switches bool // switches the node on or off, so no other call may
	Do       func(context.Context, Target) (time.Time, error)
}

// Target is what a verb is done to.
type Target struct {
	Dir     state.Dir
	Cluster state.Cluster
	Node    state.Node
	Args    []string
	Signal  string // for kill-unit
}

// Event is what a verb prints.
type Event struct {
	Fault     string    `json:"fault"`
	Node      string    `json:"node"`
	Args      []string  `json:"args,omitempty"`
	Injected  time.Time `json:"injected"`
	Completed time.Time `json:"completed"` // when the verb was done
}

// Verbs is everything that can be done to a node.
var Verbs = slices.Concat(unitVerbs, nodeVerbs, networkVerbs, diskVerbs)

// Inject does the verb to a target.
func (v Verb) Inject(ctx context.Context, t Target) (Event, error) {
	if want := len(strings.Fields(strings.ReplaceAll(v.Args, "[", ""))); len(t.Args) > want || len(t.Args) < v.required() {
		return Event{}, fmt.Errorf("fault %s: expected NODE %s", v.Name, v.Args)
	}
	at, err := v.Do(ctx, t)
	if err != nil {
		return Event{}, fmt.Errorf("injecting %s on %s: %w", v.Name, t.Node.Name, err)
	}
	return Event{Fault: v.Name, Node: t.Node.Name, Args: t.Args, Injected: at.UTC(), Completed: time.Now().UTC()}, nil
}

// required counts the arguments that are not in brackets.
func (v Verb) required() int {
	required, _, _ := strings.Cut(v.Args, "[")
	return len(strings.Fields(required))
}

func (t Target) init() (process.Identity, error) {
	return node.Init(t.Dir, t.Node.Name)
}

func (t Target) spec() (node.Spec, error) {
	return node.NewSpec(t.Dir, t.Cluster, t.Node)
}
