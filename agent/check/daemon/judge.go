package daemon

import (
	"fmt"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// startGrace is what a daemon gets to come up, beyond the pause that its unit makes before a restart. A kubelet answers
// 2 to 10 s after its start; 20 s leaves room for a loaded machine.
const startGrace = 20 * time.Second

// judge concludes; doc.go has its table.
func judge(o Observation, m Memory, s Subject) ([]check.Finding, error) {
	if o.Answer.Kind == Good {
		return notes(o.Answer.Finding), nil
	}
	if !o.exists(s) && !m.Seen {
		return s.absent(o)
	}
	switch {
	case o.Unit.Testimony == Spoke && o.Unit.IsComingBack():
		return []check.Finding{restarting(s.down(unitText(o.Unit)), grace(o.Unit))}, nil
	case o.Unit.Testimony == Spoke && !o.Unit.IsActive():
		return []check.Finding{s.down(unitText(o.Unit))}, nil
	case o.Unit.Testimony == Spoke:
		return judgeActive(o, m, s)
	case o.Unit.Testimony == CannotTell && o.Answer.Kind == Silent && m.unasked < 2:
		return nil, fmt.Errorf("%s did not answer in time, and neither did systemd: %w", s.Name, o.Unit.Err)
	case o.Unit.Testimony == CannotTell:
		return judgeUnmanaged(o, s, func(f check.Finding) check.Finding {
			f.Message += "; systemd cannot be asked whether it is restarting it"
			return restarting(f, check.MaxGrace)
		})
	default:
		return judgeUnmanaged(o, s, func(f check.Finding) check.Finding { return f })
	}
}

func notes(f check.Finding) []check.Finding {
	if f.Message == "" {
		return nil
	}
	f.Note = true
	return []check.Finding{f}
}

// absent is the conclusion about a daemon that no witness has ever shown.
func (s Subject) absent(o Observation) ([]check.Finding, error) {
	if err := o.inDoubt(); err != nil {
		return nil, err
	}
	if s.Required {
		return []check.Finding{s.down("no process matches " + s.Process)}, nil
	}
	return nil, check.ErrNotApplicable
}

// judgeActive is about a unit that systemd believes to run.
func judgeActive(o Observation, m Memory, s Subject) ([]check.Finding, error) {
	var found check.Finding
	switch {
	case o.Process.Testimony == Spoke && o.Process.IsZombie():
		found = check.Finding{Reason: s.Reasons.Zombie, Message: "the main process of " + s.Unit + " is a zombie"}
	case o.Process.Testimony == Nothing:
		found = s.down("the main process of " + s.Unit + " is gone")
	case o.Answer.Kind == CannotAsk:
		return nil, o.Answer.Err
	case o.Answer.Kind == "":
		return nil, o.Process.Err
	default:
		found = s.unwell(o)
	}
	if isFresh(o.Unit, m) {
		found = restarting(found, grace(o.Unit))
	}
	return []check.Finding{found}, nil
}

// judgeUnmanaged is about a daemon of which systemd says nothing. excuse may soften a finding.
func judgeUnmanaged(o Observation, s Subject, excuse func(check.Finding) check.Finding) ([]check.Finding, error) {
	var found check.Finding
	refused := o.Answer.Kind == Refused || o.Answer.Kind == Absent
	switch {
	case o.Process.Testimony == Spoke && o.Process.IsZombie():
		found = check.Finding{Reason: s.Reasons.Zombie, Message: "the process " + o.Process.Name + " is a zombie"}
	case o.Answer.Kind == Bad, o.Answer.Kind == Silent, refused && o.Process.Testimony == Spoke:
		found = s.unwell(o)
	case o.Process.Testimony == CannotTell, o.Answer.Kind == CannotAsk && o.Process.Testimony != Nothing:
		return nil, o.inDoubt()
	case o.Process.Testimony == Spoke:
		return nil, nil
	case o.Process.Testimony == NotAsked && o.Answer.Kind == "" && o.Unit.Err != nil:
		return nil, o.Unit.Err
	default:
		found = s.down(s.goneText(refused))
	}
	return []check.Finding{excuse(found)}, nil
}

func (s Subject) goneText(refused bool) string {
	switch {
	case refused:
		return "no process " + s.Process + ", and nobody listens on " + s.Address
	case s.Process != "":
		return "no process matches " + s.Process
	default:
		return "unit " + s.Unit + " was here and is not found any more"
	}
}

func (s Subject) down(message string) check.Finding {
	return check.Finding{Reason: s.Reasons.NotRunning, Message: message}
}

// unwell is about one that runs, by its process or its unit, and does not answer well.
func (s Subject) unwell(o Observation) check.Finding {
	if o.Answer.Kind == Bad {
		return o.Answer.Finding
	}
	message := s.Name + " runs and does not answer on " + s.Address + " in time"
	switch {
	case o.Answer.Kind == Absent:
		message = s.Name + " runs and its socket " + s.Address + " does not exist"
	case o.Answer.Kind == Refused:
		message = s.Name + " runs and refuses connections on " + s.Address
	}
	if o.Process.Testimony == Spoke && o.Process.IsStopped() {
		message += ": its main process is stopped by a signal"
	}
	return check.Finding{Reason: s.Reasons.NotAnswering, Message: message, Slow: o.Answer.Kind == Silent}
}

func restarting(f check.Finding, grace time.Duration) check.Finding {
	f.Restarting, f.Grace = true, grace
	return f
}

// isFresh says that the unit was started since it was last well, and recently enough to be still coming up.
func isFresh(u Unit, m Memory) bool {
	return u.InvocationID != m.GoodInvocation && u.ActiveFor >= 0 && u.ActiveFor < grace(u)
}

// grace of a unit: with the kubelet's RestartSec=10, 30 s; with 60, not 80 s but 45 s.
func grace(u Unit) time.Duration {
	return min(min(u.RestartAfter, check.MaxGrace)+startGrace, check.MaxGrace)
}

// unitText tells the state of a unit in words that do not change every second.
func unitText(u Unit) string {
	text := "unit " + u.Name + " is " + u.ActiveState
	switch {
	case u.LoadState == "masked":
		text += " and masked"
	case u.ActiveState == "activating" && u.SubState == "auto-restart":
		text += ": systemd waits to restart it"
	case u.IsComingBack() && u.Job != "":
		text += ", a " + u.Job + " is queued"
	case u.ActiveState == "failed" && u.Result != "":
		text += " (" + u.Result + ")"
	}
	return text
}

// Reasons are the words for what can be wrong with a daemon.
type Reasons struct {
	NotRunning   v1alpha1.Reason
	NotAnswering v1alpha1.Reason
	Zombie       v1alpha1.Reason
}
