package protect

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// HistoryFor is how long an isolation is remembered for a node that keeps coming back.
const HistoryFor = 24 * time.Hour

// Ledger is what the cluster remembers of isolations: who leads, which permits are spent, what was decided and not yet
// done, what is in force. It is a value: every method returns the next ledger and leaves the receiver as it was.
//
// All times are on the clock of the process that holds the value; Ends translates them when a ledger is loaded.
//
// Invariant: an intent has exactly one permit, and no permit outlives its window.
type Ledger struct {
	Epoch      int64
	Leader     string
	Issued     int64 // permits of this epoch, so that no ID is used twice
	Permits    []Permit
	Intents    []Intent
	Isolations []Isolation
	History    []Past
}

// Permit is the right, once spent, to have isolated one node within a window.
type Permit struct {
	ID        string
	Node      string
	UID       string
	Zone      string
	Reason    v1alpha1.Reason
	Spent     time.Time
	Ends      time.Time
	Cancelled bool // nothing was done with it; it stays spent all the same
	ByHand    bool // a person's: counted, not paced
}

// Intent is an isolation that was decided and is not yet known to be done.
type Intent struct {
	Permit   string
	Node     string
	UID      string
	Zone     string
	BootID   string
	Action   v1alpha1.Action
	Reason   v1alpha1.Reason
	Evidence string
	Epoch    int64 // that recorded or adopted it
	Recorded time.Time
}

// Isolation is one of ours that is in force, or that somebody took back by hand.
type Isolation struct {
	UID       string
	Node      string
	Zone      string
	BootID    string
	Action    v1alpha1.Action
	Reason    v1alpha1.Reason
	Permit    string    // empty for NoSchedule, which spends none
	Since     time.Time // of what it is: in force, or taken back by hand
	Releasing bool      // decided to release: our taint going is our own doing
	HandUntil time.Time // zero: in force; else taken back by hand, and the node is left alone until then
}

// InForce says whether our taint should be on the node.
func (i Isolation) InForce() bool { return i.HandUntil.IsZero() }

// Past is one isolation of a node, remembered for HistoryFor.
type Past struct {
	Node   string
	BootID string
	At     time.Time
}

// Lead is the ledger with a new leader and the next epoch. From the moment it is saved an older leader's save fails.
func (l Ledger) Lead(identity string) Ledger {
	next := l.clone()
	next.Epoch++
	next.Leader = identity
	next.Issued = 0
	return next
}

// Record spends a permit on an isolation and remembers the intent. It does not ask the Gate; the caller has.
func (l Ledger) Record(c Candidate, window time.Duration, now time.Time) (Ledger, Intent) {
	next := l.clone()
	next.Issued++
	intent := Intent{
		Permit: fmt.Sprintf("%d.%d", l.Epoch, next.Issued),
		Node:   c.Node, UID: c.UID, Zone: c.Zone, BootID: c.BootID,
		Action: v1alpha1.ActionNoExecute, Reason: c.Reason, Evidence: c.Evidence,
		Epoch: l.Epoch, Recorded: now,
	}
	next.Permits = append(next.Permits, Permit{
		ID: intent.Permit, Node: c.Node, UID: c.UID, Zone: c.Zone, Reason: c.Reason,
		Spent: now, Ends: now.Add(window), ByHand: c.Kind == ByHand,
	})
	next.Intents = append(next.Intents, intent)
	return next, intent
}

// Adopt makes a recorded intent the property of this ledger's epoch. The permit stays the one that was spent.
func (l Ledger) Adopt(permit string) Ledger {
	next := l.clone()
	for i := range next.Intents {
		if next.Intents[i].Permit == permit {
			next.Intents[i].Epoch = l.Epoch
		}
	}
	return next
}

// Cancel drops an intent. Its permit stays spent until the window ends, so that a decision which keeps being
// cancelled cannot be repeated without bound.
func (l Ledger) Cancel(permit string) Ledger {
	next := l.clone()
	next.Intents = slices.DeleteFunc(next.Intents, func(i Intent) bool { return i.Permit == permit })
	for i := range next.Permits {
		if next.Permits[i].ID == permit {
			next.Permits[i].Cancelled = true
		}
	}
	return next
}

// Done turns an intent into an isolation in force.
func (l Ledger) Done(permit string, now time.Time) Ledger {
	at := slices.IndexFunc(l.Intents, func(i Intent) bool { return i.Permit == permit })
	if at < 0 {
		return l
	}
	i := l.Intents[at]
	next := l.clone()
	next.Intents = slices.Delete(next.Intents, at, at+1)
	next.History = append(next.History, Past{Node: i.Node, BootID: i.BootID, At: now})
	return next.Impose(Isolation{
		UID: i.UID, Node: i.Node, Zone: i.Zone, BootID: i.BootID, Action: i.Action, Reason: i.Reason, Permit: i.Permit, Since: now,
	})
}

// Impose remembers an isolation as in force, in place of any other of the same node.
func (l Ledger) Impose(iso Isolation) Ledger {
	next := l.Release(iso.UID)
	next.Isolations = append(next.Isolations, iso)
	return next
}

// Release forgets the isolation of a node. Its permit stays spent.
func (l Ledger) Release(uid string) Ledger {
	next := l.clone()
	next.Isolations = slices.DeleteFunc(next.Isolations, func(i Isolation) bool { return i.UID == uid })
	return next
}

// Releasing remembers that we are about to take our taint back, so that its going is not taken for somebody else's doing.
// A release that was begun is finished, whatever happens to the node meanwhile; a new fault is then decided afresh.
func (l Ledger) Releasing(uid string) Ledger {
	next := l.clone()
	for i := range next.Isolations {
		if next.Isolations[i].UID == uid {
			next.Isolations[i].Releasing = true
		}
	}
	return next
}

// ReleasedByHand remembers that somebody else removed our taint: the node is left alone for a window from now on.
func (l Ledger) ReleasedByHand(uid string, now time.Time, window time.Duration) Ledger {
	next := l.clone()
	for i := range next.Isolations {
		if next.Isolations[i].UID == uid {
			next.Isolations[i].Since, next.Isolations[i].HandUntil = now, now.Add(window)
		}
	}
	return next
}

// Forget removes everything about a node whose UID no longer exists; its permits are returned. The history stays: it
// goes by name and boot ID, so that a node which registers anew is recognised.
func (l Ledger) Forget(uid string) Ledger {
	next := l.Release(uid)
	next.Permits = slices.DeleteFunc(next.Permits, func(p Permit) bool { return p.UID == uid })
	next.Intents = slices.DeleteFunc(next.Intents, func(i Intent) bool { return i.UID == uid })
	return next
}

// Prune drops what has ended: permits past their window, hand releases past theirs, history past HistoryFor. An
// intent whose permit has ended goes with it, undone.
func (l Ledger) Prune(now time.Time) Ledger {
	next := l.clone()
	next.Permits = slices.DeleteFunc(next.Permits, func(p Permit) bool { return !now.Before(p.Ends) })
	next.Intents = slices.DeleteFunc(next.Intents, func(i Intent) bool {
		return !slices.ContainsFunc(next.Permits, func(p Permit) bool { return p.ID == i.Permit })
	})
	next.Isolations = slices.DeleteFunc(next.Isolations, func(i Isolation) bool {
		return !i.InForce() && !now.Before(i.HandUntil)
	})
	next.History = slices.DeleteFunc(next.History, func(p Past) bool { return now.Sub(p.At) >= HistoryFor })
	return next
}

// Isolation returns the isolation of a node, in force or taken back by hand.
func (l Ledger) Isolation(uid string) (Isolation, bool) {
	at := slices.IndexFunc(l.Isolations, func(i Isolation) bool { return i.UID == uid })
	if at < 0 {
		return Isolation{}, false
	}
	return l.Isolations[at], true
}

// Intent returns the recorded, undone intent about a node.
func (l Ledger) Intent(uid string) (Intent, bool) {
	at := slices.IndexFunc(l.Intents, func(i Intent) bool { return i.UID == uid })
	if at < 0 {
		return Intent{}, false
	}
	return l.Intents[at], true
}

// Times is how often the node was isolated within HistoryFor, by name and boot ID.
func (l Ledger) Times(node, bootID string) int {
	n := 0
	for _, p := range l.History {
		if p.Node == node && p.BootID == bootID {
			n++
		}
	}
	return n
}

// Equal says whether two ledgers remember the same, so that nothing need be written.
func (l Ledger) Equal(o Ledger) bool {
	return l.Epoch == o.Epoch && l.Leader == o.Leader && l.Issued == o.Issued &&
		slices.Equal(l.Permits, o.Permits) && slices.Equal(l.Intents, o.Intents) &&
		slices.Equal(l.Isolations, o.Isolations) && slices.Equal(l.History, o.History)
}

func (l Ledger) clone() Ledger {
	l.Permits = slices.Clone(l.Permits)
	l.Intents = slices.Clone(l.Intents)
	l.Isolations = slices.Clone(l.Isolations)
	l.History = slices.Clone(l.History)
	return l
}
