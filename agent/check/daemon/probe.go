package daemon

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// A Subject is the daemon, and which witnesses may speak of it.
type Subject struct {
	Name    string // in messages, for example "the kubelet"
	Unit    string // empty: no unit witness
	Process string // searched by this name when systemd names no main process; empty: not searched
	Address string // of its socket, for messages
	Reasons Reasons

	// Ask asks it on its socket. asked ends before outer, so that its silence is told from our own lack of time.
	// nil: no answer witness.
	Ask func(outer, asked context.Context) Answer
	// UnitEvery: while it answers well systemd is asked only this often, and when it told of a change; 0 asks at every
	// look. Ten questions per daemon and second are more work for systemd and its bus than all of the agent is.
	UnitEvery time.Duration
	// WatchSocket tells of the socket's coming and going. nil: it has no file.
	WatchSocket check.Watch
	// AskOnlyActive: its socket may be systemd's own, and asking would start it. It is asked only while its unit is
	// active, its process was found, or there is no systemd.
	AskOnlyActive bool
	// Optional: a unit that is inactive and that nobody enabled does not count as being there, until it has run.
	Optional bool
	// Required: its absence is a fault even if it was never seen.
	Required bool
}

// UnitDoor is host.Systemd.
type UnitDoor interface {
	Unit(ctx context.Context, name string) (host.Unit, error)
	Changes(ctx context.Context, unit string, changed func()) error
}

// ProcessDoor is host.Processes.
type ProcessDoor interface {
	Stat(pid int) (host.Process, error)
	Find(ctx context.Context, name string) (host.Process, error)
	Exited(ctx context.Context, p host.Process) error
}

// A Probe looks at one daemon. Looks are made by one goroutine at a time, as the runner does; the watch is another.
type Probe struct {
	subject   Subject
	units     UnitDoor
	processes ProcessDoor
	memory    Memory
	main      *followed

	unit   Unit        // as systemd last described it
	unitAt time.Time   // when that was
	told   atomic.Bool // anything told of a change since

	unitHeard atomic.Bool // it would be told now
}

const (
	// Seldom is the UnitEvery of a daemon that is asked itself.
	Seldom = 30 * time.Second
	// absentFor is how long systemd's word is believed that there is nothing, or nothing that runs: that a unit was enabled,
	// or installed and not started, it does not tell.
	absentFor = 5 * time.Second
)

// New makes a probe.
func New(s Subject, units UnitDoor, processes ProcessDoor) *Probe {
	return &Probe{subject: s, units: units, processes: processes, main: newFollowed()}
}

// Probe asks the three witnesses and judges what they said.
func (p *Probe) Probe(ctx context.Context) ([]check.Finding, error) {
	o := p.gather(ctx)
	if o.Process.Testimony == Spoke || o.Process.Testimony == Nothing {
		p.main.set(o.Process.Process)
	}
	findings, err := judge(o, p.memory, p.subject)
	well := err == nil && !check.IsFaulty(findings)
	p.memory = p.memory.after(o, p.subject, well)
	return findings, err
}

// Restarts counts the restarts seen so far.
func (p *Probe) Restarts() uint32 { return p.memory.Restarts }

// gather asks systemd first, because it names the main process and says whether asking the daemon would start it. But
// who answers well is well, whatever systemd says.
func (p *Probe) gather(ctx context.Context) Observation {
	var o Observation
	if p.mayBelieveOld() {
		o = Observation{Unit: p.unit, Process: p.findProcess(ctx, p.unit)}
		if !p.subject.AskOnlyActive || o.Process.isAlive() {
			o.Answer = p.ask(ctx, 70)
		}
		if p.stands(o) {
			return o
		}
	}
	p.told.Store(false)
	o.Unit = p.askSystemd(ctx, o.Answer.Kind == Silent)
	p.unit, p.unitAt = o.Unit, time.Now()
	o.Process = p.findProcess(ctx, o.Unit)
	switch {
	case p.subject.Ask == nil || !p.mayAsk(o):
		o.Answer = Answer{}
	case o.Answer.Kind != Silent && o.Answer.Kind != Good: // who answered well, or kept silent for most of the look, is not asked twice
		o.Answer = p.ask(ctx, 85)
	}
	return o
}

func (p *Probe) ask(ctx context.Context, percent int) Answer {
	asked, cancel := check.Within(ctx, percent)
	defer cancel()
	return p.subject.Ask(ctx, asked)
}

// mayBelieveOld says that nothing speaks against what systemd said last. Where asking could start the daemon somebody has
// just stopped, only what would have been told counts.
func (p *Probe) mayBelieveOld() bool {
	if p.subject.AskOnlyActive && !p.unitHeard.Load() {
		return false
	}
	var long time.Duration
	switch {
	case p.unit.Testimony == Spoke && p.unit.IsActive():
		long = p.subject.UnitEvery
	case p.unit.Testimony == Nothing, p.unit.Testimony == Spoke && p.unit.ActiveState == "inactive":
		long = min(absentFor, p.subject.UnitEvery)
	}
	return p.subject.Ask != nil && !p.told.Load() && time.Since(p.unitAt) < long
}

// stands says that what was found now bears out what systemd said before: it answers well and the main process that systemd
// named is there, or there is no trace of it and systemd would have told of one.
func (p *Probe) stands(o Observation) bool {
	switch o.Answer.Kind {
	case Good:
		return o.Unit.Testimony == Nothing || o.Process.Testimony != Nothing
	case "", Refused, Absent:
		return !o.exists(p.subject) && p.unitHeard.Load()
	default:
		return false
	}
}

// askSystemd takes at most two fifths of the time, if it is not last: a frozen bus must leave enough to ask the daemon
// itself.
func (p *Probe) askSystemd(ctx context.Context, isLast bool) Unit {
	if p.subject.Unit == "" {
		return Unit{}
	}
	percent := 40
	if isLast {
		percent = 90
	}
	ctx, cancel := check.Within(ctx, percent)
	defer cancel()
	unit, err := p.units.Unit(ctx, p.subject.Unit)
	switch {
	case errors.Is(err, host.ErrNoSystemd):
		return Unit{}
	case err != nil:
		return Unit{Testimony: CannotTell, Err: err}
	case !unit.Exists():
		return Unit{Testimony: Nothing, Unit: unit}
	default:
		return Unit{Testimony: Spoke, Unit: unit}
	}
}

func (p *Probe) findProcess(ctx context.Context, u Unit) Process {
	var found host.Process
	var err error
	switch {
	case u.Testimony == Spoke && u.MainPID > 0:
		found, err = p.processes.Stat(u.MainPID)
	case u.Testimony == Spoke: // systemd says that it has none: not started, a one-shot, or a forking one it lost
		return Process{}
	case p.subject.Process != "":
		found, err = p.processes.Find(ctx, p.subject.Process)
	default:
		return Process{}
	}
	switch {
	case errors.Is(err, host.ErrNoProcess):
		return Process{Testimony: Nothing}
	case err != nil:
		return Process{Testimony: CannotTell, Err: err}
	default:
		return Process{Testimony: Spoke, Process: found}
	}
}

func (p *Probe) mayAsk(o Observation) bool {
	switch {
	case !p.subject.AskOnlyActive, o.Unit.Testimony == NotAsked:
		return true
	case o.Unit.Testimony == Spoke:
		return o.Unit.IsActive()
	default:
		return o.Process.Testimony == Spoke // it runs already, asking does not start it
	}
}
