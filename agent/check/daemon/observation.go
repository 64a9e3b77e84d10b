package daemon

import (
	"errors"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// Testimony is how a witness came to speak.
type Testimony string

// Testimonies. The empty one is of a witness that was not asked, or that does not apply.
const (
	NotAsked   Testimony = ""
	Spoke      Testimony = "Spoke"      // there is something to read in the witness
	Nothing    Testimony = "Nothing"    // there is no such unit or process
	CannotTell Testimony = "CannotTell" // asking failed on our side
)

// Unit is what systemd said.
type Unit struct {
	Testimony Testimony
	host.Unit
	Err error
}

// Process is what the process table said of the main process.
type Process struct {
	Testimony Testimony
	host.Process
	Err error
}

func (p Process) isAlive() bool { return p.Testimony == Spoke && !p.IsZombie() }

// AnswerKind sorts what the daemon did when it was asked.
type AnswerKind string

// Answers. The empty one: it was not asked.
const (
	Good      AnswerKind = "Good"
	Bad       AnswerKind = "Bad"       // it answered with an error of its own: the finding says which
	Silent    AnswerKind = "Silent"    // it did not answer in time
	Refused   AnswerKind = "Refused"   // nobody listens, or it hung up
	Absent    AnswerKind = "Absent"    // there is no such socket
	CannotAsk AnswerKind = "CannotAsk" // asking failed on our side
)

// An Answer is what the daemon said on its socket.
type Answer struct {
	Kind    AnswerKind
	Finding check.Finding // of a Bad answer; a note, if it has a message, of a Good one
	Err     error         // of CannotAsk
}

// Unanswered sorts the error of a call through a door of the host.
func Unanswered(err error) Answer {
	switch {
	case errors.Is(err, host.ErrSilent):
		return Answer{Kind: Silent}
	case errors.Is(err, host.ErrRefused):
		return Answer{Kind: Refused}
	case errors.Is(err, host.ErrAbsent):
		return Answer{Kind: Absent}
	default:
		return Answer{Kind: CannotAsk, Err: err}
	}
}

// An Observation is what the three witnesses said in one look.
type Observation struct {
	Unit    Unit
	Process Process
	Answer  Answer
}

// exists says whether any witness shows that there is such a daemon on this node.
func (o Observation) exists(s Subject) bool {
	switch {
	case o.Answer.Kind == Good, o.Answer.Kind == Bad, o.Process.Testimony == Spoke:
		return true
	case o.Unit.Testimony != Spoke:
		return false
	default:
		return !s.Optional || o.Unit.ActiveState != "inactive" || o.Unit.IsComingBack() || o.Unit.IsEnabled()
	}
}

// inDoubt joins what could not be asked.
func (o Observation) inDoubt() error {
	return errors.Join(o.Unit.Err, o.Process.Err, o.Answer.Err)
}
