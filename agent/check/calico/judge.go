package calico

import (
	"slices"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
)

// settled is how long a new felix must have run before what did not come up beside it is taken to be no longer wanted:
// the container starts all of its daemons within a second.
const settled = 10 * time.Second

// An observation is what one look saw of all members.
type observation [members]sighting

// A memory is what is kept from one look to the next. It is a value.
type memory [members]struct {
	wellSince uint64 // when the process started that was last well; 0: none
	felix     uint64 // when the felix started beside which it was last sighted
	dropped   bool   // a later pod does without it
}

// judge concludes; doc.go has its tables. m is the memory before this look.
func judge(o observation, m memory, startUp time.Duration) ([]check.Finding, error) {
	outcomes := make([]daemon.Outcome, members)
	for i, s := range o {
		outcomes[i] = s.Outcome
		switch {
		case isDropped(i, o, m):
			outcomes[i] = daemon.Outcome{Err: check.ErrNotApplicable}
		case s.isContainerGone:
			outcomes[i].Findings = excused(s.Findings, check.MaxGrace, "; its container went with it and may be being replaced")
		case s.process.PID != 0 && s.age < startUp && s.process.Started != m[i].wellSince:
			outcomes[i].Findings = excused(s.Findings, min(startUp, check.MaxGrace), "; it is coming up")
		}
	}
	return daemon.Join(outcomes...)
}

// excused makes faults restarting.
func excused(findings []check.Finding, grace time.Duration, why string) []check.Finding {
	findings = slices.Clone(findings)
	for i, f := range findings {
		if !f.Note && !f.Restarting {
			findings[i].Restarting, findings[i].Grace, findings[i].Message = true, grace, f.Message+why
		}
	}
	return findings
}

// isDropped says that a pod newer than the one it was last sighted in does without it.
func isDropped(i int, o observation, m memory) bool {
	if o[i].isSighted() || m[i].dropped {
		return !o[i].isSighted()
	}
	f := o[felix]
	isNewPod := f.IsWell() && f.process.PID != 0 && f.age >= settled && m[i].felix != 0 && m[i].felix != f.process.Started
	switch i {
	case bird6:
		return isNewPod && (o[bird].IsWell() || isDropped(bird, o, m))
	case bird, confd:
		return isNewPod && !o[bird].isSighted() && !o[confd].isSighted()
	default:
		return false
	}
}

// after is the memory once o was seen.
func (m memory) after(o observation) memory {
	before := m
	for i, s := range o {
		m[i].dropped = isDropped(i, o, before)
		if s.IsWell() && s.process.PID != 0 {
			m[i].wellSince = s.process.Started
		}
		if s.isSighted() && o[felix].process.PID != 0 {
			m[i].felix = o[felix].process.Started
		}
	}
	return m
}
