package check

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// outcome reads the two results of a probe together; see Probe.
func outcome(findings []Finding, err error, restarts uint32, at time.Time) Look {
	look := Look{Findings: findings, Err: err, Restarts: restarts, At: at}
	switch {
	case errors.Is(err, ErrNotApplicable):
		look.State = NotApplicable
	case err != nil:
		look.State = Unknown
	case !IsFaulty(findings):
		look.State = Healthy
	case look.headline().Restarting:
		look.State = Restarting
	default:
		look.State = Unhealthy
	}
	return look
}

// headline is the finding that speaks for the look: a fault before a restart, a restart before a note, and among equals
// the one the probe put first.
func (l Look) headline() Finding {
	if len(l.Findings) == 0 {
		return Finding{}
	}
	return slices.MinFunc(l.Findings, Graver)
}

// IsFaulty says that something was found wrong or is being restarted: there is more than notes.
func IsFaulty(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return !f.Note })
}

// Graver orders findings: faults, what is being restarted, notes.
func Graver(a, b Finding) int { return cmp.Compare(a.rank(), b.rank()) }

func (f Finding) rank() int {
	switch {
	case f.Note:
		return 2
	case f.Restarting:
		return 1
	default:
		return 0
	}
}
