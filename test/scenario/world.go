package scenario

import (
	"fmt"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// tick is the step of virtual time.
const tick = 100 * time.Millisecond

// kubeletEvery is how often a kubelet renews its own Lease.
const kubeletEvery = 10 * time.Second

// node is a simulated node: what the controller knows of it, and how it behaves.
type node struct {
	decision.Node
	silent  bool // neither agent nor kubelet is heard
	mute    bool // the agent alone is silent
	answers bool // dials are answered
}

// world is a cluster on virtual time, with a controller that passes the way the loop does.
type world struct {
	now, start time.Time
	nodes      []*node
	policy     decision.Policy
	ledger     protect.Ledger
	memory     map[string]decision.Memory
	blind      string
	next       time.Time
	dirty      bool
	out        []string
	withheld   map[string]string
}

func newWorld(n int, spec v1alpha1.NodeIsolationPolicySpec) *world {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := &world{now: start, start: start, policy: decision.Compile(spec), ledger: protect.Ledger{}.Lead("first"), withheld: map[string]string{}, dirty: true}
	for i := range n {
		name := fmt.Sprintf("n%d", i+1)
		w.nodes = append(w.nodes, &node{answers: true, Node: decision.Node{
			Name: name, UID: "uid-" + name, Schedulable: true,
			Beat: decision.Beat{Heard: true, At: start, Next: time.Second, Mark: "0", BootID: "boot", Sequence: 1},
			Report: decision.Report{Sequence: 1, BootID: "boot", Checks: []decision.Check{
				{Name: "containerd", State: v1alpha1.CheckHealthy}, {Name: "kubelet", State: v1alpha1.CheckHealthy},
			}},
			Witness: decision.Witness{Calibrated: true, KubeletRenewed: start},
		}})
	}
	return w
}

// advance lets time pass.
func (w *world) advance(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(tick)
		w.live()
		if w.dirty || !w.now.Before(w.next) {
			w.pass()
		}
	}
}

// live lets every node that can beat, and its kubelet renew.
func (w *world) live() {
	for _, n := range w.nodes {
		if n.silent {
			continue
		}
		if due := n.Beat.At.Add(n.Beat.Next); !n.mute && !w.now.Before(due) {
			w.dirty = w.dirty || w.now.After(due)
			n.Beat.At = w.now
			n.Beat.Mark = w.now.String()
		}
		if !w.now.Before(n.Witness.KubeletRenewed.Add(kubeletEvery)) {
			n.Witness.KubeletRenewed = w.now
			w.dirty = w.dirty || n.mute
		}
	}
}

// pass is one pass of the controller: decide, remember, act, and answer the dials it asked for.
func (w *world) pass() {
	w.dirty = false
	s := decision.Snapshot{Ledger: w.ledger, Memory: w.memory, Blind: w.blind}
	for _, n := range w.nodes {
		s.Nodes = append(s.Nodes, n.Node)
	}
	p := decision.Decide(s, w.policy, w.now)
	w.tell(p)
	w.ledger, w.memory, w.next = p.Ledger, p.Memory, p.NextCheck
	for _, a := range p.Actions {
		w.act(a)
	}
	for _, uid := range p.Ask {
		n := w.node(strings.TrimPrefix(uid, "uid-"))
		n.Witness.Dialed = w.now
		if n.answers {
			n.Witness.Answered = w.now
		}
		w.dirty = true
	}
}

func (w *world) act(a decision.Action) {
	n := w.node(a.Node)
	w.dirty = true
	if a.Kind == decision.Release {
		n.OwnTaint, n.Schedulable = "", true
		w.say("release %s %s", a.Node, a.Reason)
		return
	}
	n.OwnTaint, n.Schedulable = a.Rung, false
	w.say("isolate %s %s %s permit=%s", a.Node, a.Rung, a.Reason, a.Permit)
}

// tell writes down what changed in the eyes of the controller.
func (w *world) tell(p decision.Plan) {
	for _, v := range p.Verdicts {
		if old, known := w.memory[v.UID]; known && old.State != v.State {
			w.say("%s is %s: %s", v.Node, v.State, v.Message)
		}
	}
	for _, name := range p.HandReleased {
		w.say("released by hand %s", name)
	}
	now := map[string]string{}
	for _, h := range p.Withheld {
		var by []string
		for _, b := range h.Held {
			by = append(by, string(b.By))
		}
		line := fmt.Sprintf("withheld %s %s by %s", h.Node, h.Reason, strings.Join(by, ","))
		if until := h.Until(); !until.IsZero() {
			line += fmt.Sprintf(" until %s", until.Sub(w.start))
		}
		if w.withheld[h.Node] != line {
			w.say("%s", line)
		}
		now[h.Node] = line
	}
	w.withheld = now
}

func (w *world) say(format string, args ...any) {
	w.out = append(w.out, fmt.Sprintf("%6.1fs  ", w.now.Sub(w.start).Seconds())+fmt.Sprintf(format, args...))
}

func (w *world) node(name string) *node {
	for _, n := range w.nodes {
		if n.Name == name {
			return n
		}
	}
	panic("no node " + name)
}
