package check

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// Name of a check, as configuration, status and metrics spell it: lower case, for example "kubelet".
type Name string

// A Probe looks at one subsystem once. Read both results together:
//
//	nil, nil       healthy
//	findings, nil  unhealthy, or restarting when every finding is
//	_, err         unknown: the probe could not tell
//
// A probe with no subject on this node returns ErrNotApplicable. The runner never runs two calls at once: while one that
// overran its deadline has not returned, the check says Unknown and is not called again.
//
// The silence of a daemon is a finding, so a probe waits for it with a deadline of its own, inside ctx's: an error that
// wraps context.DeadlineExceeded is an error like any other, and means that the probe could not tell.
type Probe interface {
	Probe(ctx context.Context) ([]Finding, error)
}

// A RestartCounter is a Probe that counts its subject's restarts, so that one which began and ended between two good
// looks is noticed. The runner reads the count after each look; it only grows.
type RestartCounter interface {
	Restarts() uint32
}

// A Watcher is a Probe that can be told of changes instead of looking for them. Watch calls changed after each, from any
// goroutine and as often as it likes, until ctx ends or it can no longer be told. The runner starts it again after a
// pause; in between, and for a change that is lost, there is the look every interval, or every AbsentEvery for what has
// never been there. What changed is never taken from the event: it only causes a look.
type Watcher interface {
	Watch(ctx context.Context, changed func()) error
}

// ErrNotApplicable says that the node has no such subsystem. The runner leaves the check out of the report.
var ErrNotApplicable = errors.New("not applicable on this node")

// A Finding is one thing that is wrong, most important first.
type Finding struct {
	// Reason is from the catalogue in api/v1alpha1/reasons.go.
	Reason v1alpha1.Reason
	// Message is the evidence in one sentence: what was looked at and what was seen.
	Message string
	// Restarting says that the daemon's manager is bringing it back: not a fault until Grace has passed since the
	// restart was first seen, or until its third restart within RestartLoopWindow.
	Restarting bool
	// Grace bounds Restarting: RestartSec of the unit + 20 s, at most 45 s.
	Grace time.Duration
	// Slow says that all there is to find is that an answer has not come in time. A busy machine does that once: it counts
	// as a failure from the first look, and is shown of what was well when the next look fails too.
	Slow bool
	// Note marks something worth showing that is no fault: findings that are all notes leave the look Healthy, with
	// the first one's message.
	Note bool
}

// A Check is a probe plus the policy for running and believing it.
type Check struct {
	Name      Name
	DependsOn []Name        // failures of these explain a failure of this one
	Interval  time.Duration // default 1s, at least 100ms
	Timeout   time.Duration // 0 means 80% of Interval
	FailAfter int           // consecutive failures before Unhealthy is reported; default 3
	OKAfter   int           // consecutive successes before Healthy is reported; default 3
	Dwell     time.Duration // least time in Unhealthy before Healthy is reported; default 30s
	// Confirm is when to look after an event, counted from it. If all of these looks fail, the failure is confirmed fast:
	// a policy may act on it at once, and otherwise waits for FailAfter looks an interval apart. Default 0, 5 and 20 ms.
	Confirm []time.Duration
	// Needs are the privileges the probe uses beyond an ordinary process of root without capabilities.
	Needs []Need
	Probe Probe
}

// New is a check with the defaults: three failures one second apart are the seed's rule for its components.
func New(name Name, probe Probe) Check {
	return Check{
		Name: name, Interval: time.Second, FailAfter: 3, OKAfter: 3, Dwell: 30 * time.Second,
		Confirm: []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond},
		Probe:   probe,
	}
}

// Needing is the check with the privileges its probe uses.
func (c Check) Needing(needs ...Need) Check {
	c.Needs = append(slices.Clone(c.Needs), needs...)
	return c
}

// After is the check with those it depends on.
func (c Check) After(on ...Name) Check {
	c.DependsOn = append(slices.Clone(c.DependsOn), on...)
	return c
}

// Deadline is how long one look may take.
func (c Check) Deadline() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return c.Interval * 8 / 10
}

// State is the outcome of one look, and what is believed after several.
type State string

// States. Failing is only believed, never the outcome of a look: the last looks failed, and not often enough yet to be
// Unhealthy. NotApplicable is never believed of a check that has been reported; it leaves the report.
const (
	Healthy       State = "Healthy"
	Failing       State = "Failing"
	Unhealthy     State = "Unhealthy"
	Restarting    State = "Restarting"
	Unknown       State = "Unknown"
	NotApplicable State = "NotApplicable"
)

// A Look is one outcome of a probe, as the belief folds it.
type Look struct {
	State    State
	Findings []Finding // for Unhealthy and Restarting; notes for Healthy
	Err      error     // for Unknown
	Restarts uint32    // how often the subject was restarted so far, if the probe counts; 0 otherwise
	Fast     bool      // the last of the looks of Check.Confirm, and all of them failed
	At       time.Time
}
