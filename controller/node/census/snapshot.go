package census

import (
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
)

// View is what one pass sees: what the decision rests on, and what else there is to show.
type View struct {
	// Snapshot lacks the ledger and the memory, which are the loop's.
	decision.Snapshot
	Policy           decision.Policy
	EvictionDeadline time.Duration
	Policies         []PolicyState
	Period           time.Duration // asked of every agent
	// Shown is what else there is to know of a node, by UID.
	Shown map[string]Shown
}

// Shown is what a NodeHealth shows of a node beyond what is decided by.
type Shown struct {
	Object *corev1.Node // must not be changed
	Holder string       // the agent process
	Period time.Duration
	Doors  []string // host:port to dial
}

// Snapshot is everything a decision at now rests on.
func (c *Census) Snapshot(now time.Time) View {
	locks := c.locks.All()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policyNow()
	v := View{
		Policy: c.book.policy, EvictionDeadline: c.book.eviction, Policies: c.book.states, Period: c.o.Period(len(c.facts)),
		Shown: make(map[string]Shown, len(c.facts)),
	}
	v.Blind = c.blind(now)
	if missing := c.Missing(); len(missing) > 0 {
		v.Unreadable = errors.Join(missing...).Error()
	}
	seen := eyes{blind: v.Blind != "", freshSince: c.view.look(now), missed: c.book.policy.MissedBeats, locks: c.readLocks(locks, now)}
	v.Nodes = make([]decision.Node, 0, len(c.facts))
	for name, f := range c.facts {
		v.Nodes = append(v.Nodes, c.node(f, seen, now))
		b := c.beats[name]
		v.Shown[f.base.UID] = Shown{Object: f.node, Holder: b.event.Beat.Holder, Period: b.event.Period, Doors: f.doors(b, c.o.AgentPort)}
	}
	return v
}

// eyes are what holds for every node of one snapshot.
type eyes struct {
	blind      bool
	freshSince time.Time
	missed     int
	locks      []lock
}

// node is one node as a decision sees it. Needs mu.
func (c *Census) node(f facts, e eyes, now time.Time) decision.Node {
	n := f.base
	r := c.reports[n.Name]
	n.Ladder = c.book.ladders[n.Name]
	n.Report, n.Intent, n.IntentReason = r.agent, r.intent, r.reason
	n.Lock = covering(e.locks, f.node)
	if b, ok := c.beats[n.Name]; ok {
		n.Beat = b.of(n.UID, e.blind, e.freshSince, e.missed, now)
	}
	if c.o.Dials != nil {
		n.Witness = c.o.Dials.Heard(n.UID, now)
	}
	n.Witness.KubeletRenewed, n.Witness.KubeletMark = c.renewals[n.Name].at, c.renewals[n.Name].version
	if at := n.Witness.KubeletRenewed; !at.IsZero() && !e.blind && e.freshSince.After(at) {
		n.Witness.KubeletRenewed = e.freshSince // the fresh start holds for kubelets too
	}
	if n.Departing == "" && f.unscheduled && n.Beat.Heard && (r.isFailing() || now.Sub(n.Beat.At) > n.Beat.Next+n.Beat.Next/5) {
		n.Departing = c.drained.why(f.node, now)
	}
	return n
}

// Targets are the doors of the nodes that are heard and not silent, by UID: what may be dialed to see whether it can be.
func (c *Census) Targets(now time.Time) map[string][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string][]string{}
	for name, f := range c.facts {
		b := c.beats[name]
		if b.event.Mark != "" && b.event.NodeUID == f.base.UID && !b.assumed && now.Sub(b.at) < 2*b.event.Beat.Next {
			out[f.base.UID] = f.doors(b, c.o.AgentPort)
		}
	}
	return out
}

// Wanted is what the controller should have made for every Node, for the one who makes it.
type Wanted struct {
	Node *corev1.Node
	// Health: the Node has a NodeHealth of its own. LeaseUID is whose the heartbeat Lease is, Period what it asks for.
	Health   bool
	LeaseUID string
	Period   time.Duration
	// Agent is where its agent can be dialed, empty if it cannot or was not heard for long. Peers are those it was named.
	Agent, Peers string
}

// goneAfter is how long an agent may be silent and still be named to others: a reboot is no reason to write to them.
const goneAfter = 10 * time.Minute

// Wanted lists the Nodes with what they have. It is empty while that cannot be told.
func (c *Census) Wanted() (nodes []Wanted, period time.Duration) {
	if c.nodes.Err() != nil || c.healths.Err() != nil {
		return nil, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, f := range c.facts {
		_, health := c.reports[name]
		b := c.beats[name]
		e := b.event
		agent := e.Beat.Address
		if e.Mark == "" || e.NodeUID != f.base.UID || time.Since(b.at) > goneAfter {
			agent = ""
		}
		nodes = append(nodes, Wanted{Node: f.node, Health: health, LeaseUID: e.NodeUID, Period: e.Period, Agent: agent, Peers: e.Peers})
	}
	return nodes, c.o.Period(len(c.facts))
}

// Health returns the NodeHealth of a node as last seen, nil if there is none. It must not be changed.
func (c *Census) Health(name string) *v1alpha1.NodeHealth {
	h, ok := c.healths.Get(name)
	if !ok {
		return nil
	}
	return h
}

// HasDefaultPolicy says whether the policy called default was seen; false while policies cannot be read.
func (c *Census) HasDefaultPolicy() (has, known bool) {
	_, has = c.policies.Get(v1alpha1.DefaultPolicyName)
	return has, c.policies.Err() == nil
}

// PolicyObject returns a NodeIsolationPolicy as last seen, nil if there is none. It must not be changed.
func (c *Census) PolicyObject(name string) *v1alpha1.NodeIsolationPolicy {
	p, ok := c.policies.Get(name)
	if !ok {
		return nil
	}
	return p
}
