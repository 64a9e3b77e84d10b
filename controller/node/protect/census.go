package protect

import "github.com/bulkhead-dev/bulkhead/api/v1alpha1"

// Node is what the gate needs to know of a node.
type Node struct {
	UID          string
	Zone         string // nodes without a zone label form one zone, ""
	ControlPlane bool
	Schedulable  bool // Ready, not cordoned, and without any NoSchedule or NoExecute taint
	Unavailable  bool // NotReady or cordoned
	Suspect      bool // silent, or failing in a way that would isolate it; not departing, and not ours
}

// Census is the count of the cluster that brakes are worked out from. It is made once a pass with Count.
type Census struct {
	Nodes    int
	Suspects int
	Zones    map[string]ZoneCount
	// Unavailable counts ours + NotReady + cordoned, each node once.
	Unavailable int
	// Reliable counts nodes that are schedulable, not suspect and not ours: what would be left to run pods.
	Reliable int
	// Reversible counts nodes that carry our NoSchedule taint.
	Reversible int
	// ControlPlane counts members, ControlPlaneWell those of them that are neither unavailable, suspect nor ours.
	ControlPlane, ControlPlaneWell int

	ours map[string]bool // UIDs isolated, or about to be
	well map[string]bool // UIDs counted in Reliable, so that a candidate is not counted as left over
	out  map[string]bool // UIDs counted in Unavailable
	cp   map[string]bool // UIDs counted in ControlPlaneWell
}

// ZoneCount is the count of one zone.
type ZoneCount struct {
	Nodes, Suspects int
}

// Count makes a census of the nodes, given what the ledger says is ours.
func Count(nodes []Node, l Ledger) Census {
	c := Census{
		Nodes: len(nodes), Zones: map[string]ZoneCount{},
		ours: map[string]bool{}, well: map[string]bool{}, out: map[string]bool{}, cp: map[string]bool{},
	}
	for _, i := range l.Isolations {
		switch {
		case !i.InForce():
		case i.Action == v1alpha1.ActionNoExecute:
			c.ours[i.UID] = true
		default:
			c.Reversible++
		}
	}
	for _, i := range l.Intents {
		c.ours[i.UID] = true
	}
	for _, n := range nodes {
		c.add(n)
	}
	c.Unavailable, c.Reliable, c.ControlPlaneWell = len(c.out), len(c.well), len(c.cp)
	return c
}

func (c *Census) add(n Node) {
	ours := c.ours[n.UID]
	zone := c.Zones[n.Zone]
	zone.Nodes++
	if n.Suspect && !ours {
		zone.Suspects++
		c.Suspects++
	}
	c.Zones[n.Zone] = zone
	if ours || n.Unavailable {
		c.out[n.UID] = true
	}
	if n.Schedulable && !n.Suspect && !ours {
		c.well[n.UID] = true
	}
	if n.ControlPlane {
		c.ControlPlane++
		if !n.Unavailable && !n.Suspect && !ours {
			c.cp[n.UID] = true
		}
	}
}

// Isolate is the census after one more isolation, so that the next question of the same pass sees it.
func (c *Census) Isolate(uid string) {
	c.ours[uid], c.out[uid] = true, true
	delete(c.well, uid)
	delete(c.cp, uid)
	c.Unavailable, c.Reliable, c.ControlPlaneWell = len(c.out), len(c.well), len(c.cp)
}

// Restrict is the census after one more NoSchedule taint: nothing more is scheduled to the node.
func (c *Census) Restrict(uid string) {
	c.Reversible++
	delete(c.well, uid)
	c.Reliable = len(c.well)
}

// without counts a set less one candidate.
func without(set map[string]bool, uid string) int {
	if set[uid] {
		return len(set) - 1
	}
	return len(set)
}
