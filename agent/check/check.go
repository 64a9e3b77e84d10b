package check

import (
	"context"
	"errors"
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
// A probe with no subject on this node returns ErrNotApplicable. It may be called again before an earlier call that
// overran its deadline has returned only if the runner has given that call up; the runner never runs two at once.
type Probe interface {
	Probe(ctx context.Context) ([]Finding, error)
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
	// Restarts is the manager's count of restarts so far, to notice one that began and ended between two looks.
	Restarts uint32
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
	Probe     Probe
}

// State is the outcome of one look, and what is believed after several.
type State string

// States. NotApplicable is never believed of a check that has been reported; it leaves the report.
const (
	Healthy       State = "Healthy"
	Unhealthy     State = "Unhealthy"
	Restarting    State = "Restarting"
	Unknown       State = "Unknown"
	NotApplicable State = "NotApplicable"
)

// A Look is one outcome of a probe, as the belief folds it.
type Look struct {
	State    State
	Findings []Finding // for Unhealthy and Restarting
	Err      error     // for Unknown
	At       time.Time
}
