package decision

import (
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// Snapshot is everything a decision rests on. Times are on the controller's clock: when it heard something, never what
// another machine wrote down.
type Snapshot struct {
	Nodes  []Node
	Ledger protect.Ledger
	// Unreadable says why the ledger or the locks could not be read; empty if they could.
	Unreadable string
	// Blind says why the controller's own view is not to be trusted; empty if it is.
	Blind string
	// Memory is what the previous plan asked to be remembered, by node UID.
	Memory map[string]Memory
}

// Node is what is known of one node.
type Node struct {
	Name, UID, Zone string
	Ladder          int // index into Policy.Ladders

	ControlPlane bool
	Schedulable  bool // Ready, not cordoned, no NoSchedule or NoExecute taint of anybody's
	Unavailable  bool // NotReady or cordoned
	// Departing says why the node is going away on purpose; empty if it is not.
	Departing string
	// OwnTaint is the rung of our taint as it stands on the node; empty if it is not there.
	OwnTaint v1alpha1.Action
	Intent   v1alpha1.Intent
	// IntentReason is the person's reason for an intent other than Auto.
	IntentReason string
	Lock         *protect.PersonLock

	Beat    Beat
	Report  Report
	Witness Witness
}

// isVouchedFor: the newest beat belongs to the report at hand.
func (n Node) isVouchedFor() bool {
	return n.Report.Sequence == n.Beat.Sequence && n.Report.BootID == n.Beat.BootID
}

// Beat is the newest heartbeat heard.
type Beat struct {
	Heard    bool // ever, under this Node's UID
	At       time.Time
	Next     time.Duration // its promise
	Mark     string
	BootID   string
	Sequence int64
	Leaving  bool
}

// Report is what the agent says, from NodeHealth.
type Report struct {
	Sequence int64
	BootID   string
	Checks   []Check
}

// Check is one line of a Report.
type Check struct {
	Name        string
	State       v1alpha1.CheckState
	Reason      v1alpha1.Reason
	Message     string
	ExplainedBy string
	// ConfirmedFast: an event told of the failure, and the looks of the next milliseconds confirmed it.
	ConfirmedFast bool
}

// IsFault says that the check fails by itself, surely or as confirmed fast. Whether the latter counts, the ladder says.
func (c Check) IsFault() bool {
	return (c.State == v1alpha1.CheckUnhealthy || c.isFast()) && c.ExplainedBy == ""
}

// isFast says that only the looks after an event confirmed the failure so far.
func (c Check) isFast() bool { return c.State == v1alpha1.CheckFailing && c.ConfirmedFast }

// Witness is what others say of a node that fell silent.
type Witness struct {
	// Dialed is when the newest finished round of dials began; zero if there was none.
	Dialed time.Time
	// Answered is when a dial was last answered, a refusal included; zero if never.
	Answered time.Time
	// Calibrated: a dial to this node succeeded recently, so that its silence means something.
	Calibrated bool
	// KubeletRenewed is when the kubelet's own Lease was last seen to change; zero if it never was seen. KubeletMark
	// changes with every renewal, and with nothing else.
	KubeletRenewed time.Time
	KubeletMark    string
}

// Memory is what one pass remembers of a node for the next.
type Memory struct {
	State v1alpha1.NodeState
	Since time.Time
	// CalmSince is since when the node has been calm without a break; zero while it is not.
	CalmSince time.Time
	// UnvouchedSince is since when the node's beats have vouched for a report that is not there; zero while they do not.
	UnvouchedSince time.Time
	// Failing holds the checks that are failing now, Onset when each check last began to.
	Failing map[string]bool
	Onset   map[string]time.Time
}

// slack is how late a beat may come before it counts as missed: a fifth of its promise, 200 ms of 1 s. It takes up the
// jitter of a busy machine, and keeps a pass over thousands of healthy nodes from being due every millisecond.
func (b Beat) slack() time.Duration { return b.Next / 5 }

// missed is how many promised beats did not come, at now.
func (b Beat) missed(now time.Time) int {
	late := now.Sub(b.At) - b.slack()
	if b.Next <= 0 || late < 0 {
		return 0
	}
	return int(late / b.Next)
}

// overdue is when the n-th beat after the last one heard counts as missed.
func (b Beat) overdue(n int) time.Time { return b.At.Add(time.Duration(n)*b.Next + b.slack()) }
