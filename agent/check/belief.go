package check

import (
	"errors"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// MaxGrace bounds every grace: the longest that a daemon being restarted is excused. With RestartSec=10 a kubelet gets
// 10 s + 20 s; one with RestartSec=60 gets 45 s and not 80 s.
const MaxGrace = 45 * time.Second

// maxMessage is the room the API gives to a message, in bytes.
const maxMessage = 512

// A Belief is what is believed of one check after its looks so far. It is a value: Observe returns the next belief and
// leaves the receiver as it was. The zero Belief is that of a check not looked at yet. doc.go has the table.
type Belief struct {
	State   State
	Reason  v1alpha1.Reason
	Message string
	Since   time.Time // when State was entered

	// Fast says that a failure was confirmed by the looks after an event; see Check.Confirm. It stands while State is
	// Failing or Unhealthy.
	Fast bool

	bad    stretch // of looks that did not find it well
	failed stretch // in Failing, Unhealthy or Restarting

	seen     bool // the subject was once seen on this node
	failures row  // with no good look and no belief in Unknown in between
	goods    row
	unknowns row // that could not tell
	heldFrom time.Time

	spell    spell
	restarts restartLog
	next     candidate
}

// A row counts looks of one kind. Looks that events cause may follow each other within milliseconds; they count once per
// interval, or else three events in a row would be three failures in a row.
type row struct {
	n    int
	last time.Time // when the latest that counts was
}

// and counts a look. An eighth of the interval is left to a timer that is late: with 1 s, 875 ms after the last.
func (r row) and(at time.Time, c Check) row {
	if r.n > 0 && at.Sub(r.last) < c.Interval-c.Interval/8 {
		return r
	}
	return row{n: r.n + 1, last: at}
}

// A stretch is the latest time in which something was so.
type stretch struct {
	goesOn      bool
	from, until time.Time
}

// and says whether it is so at a moment.
func (s stretch) and(at time.Time, isSo bool) stretch {
	if isSo && !s.goesOn {
		s.from = at
	}
	if isSo {
		s.until = at
	}
	s.goesOn = isSo
	return s
}

// A spell is the time from the first restarting look to the next good one.
type spell struct {
	since time.Time
	grace time.Duration
	looks row // that saw the subject, restarting or failing
}

// A candidate is a headline that differs from the one shown.
type candidate struct {
	reason  v1alpha1.Reason
	message string
	looks   int
}

// Observe folds one look into the belief. It is pure: look.At is the only clock.
func (b Belief) Observe(look Look, c Check) Belief {
	if b.State == "" {
		b.State, b.Since = Unknown, look.At
	}
	b.bad = b.bad.and(look.At, look.State != Healthy)
	switch look.State {
	case Healthy:
		b.observeGood(look, c)
	case Unhealthy, Failing: // no look is Failing
		b.observeFailure(look, c)
	case Restarting:
		b.observeRestarting(look, c)
	case NotApplicable:
		b.observeAbsence(look, c)
	case Unknown:
		b.observeUnknown(look, c)
	}
	return b
}

func (b *Belief) observeGood(look Look, c Check) {
	looped := b.restarts.count(look, false)
	b.seen, b.failures, b.unknowns, b.spell = true, row{}, row{}, spell{}
	b.Fast = b.Fast && b.State == Unhealthy
	b.restarts.endSpell()
	note := look.headline().Message
	switch {
	case looped:
		b.loop(look)
	case b.State != Unhealthy:
		b.enter(Healthy, "", note, look.At, c)
	default:
		b.goods = b.goods.and(look.At, c)
		if b.goods.n >= c.OKAfter && look.At.Sub(b.heldFrom) >= c.Dwell {
			b.enter(Healthy, "", note, look.At, c)
		}
	}
}

func (b *Belief) observeFailure(look Look, c Check) {
	looped := b.restarts.count(look, false)
	b.seen, b.goods, b.unknowns = true, row{}, row{}
	b.restarts.endSpell()
	b.failures = b.failures.and(look.At, c)
	b.spell.looks = b.spell.looks.and(look.At, c)
	if looped {
		b.loop(look)
		return
	}
	worst := look.headline()
	switch {
	case b.State == Unhealthy, b.failures.n >= c.FailAfter, b.graceIsOver(look, c):
		b.enter(Unhealthy, worst.Reason, worst.Message, look.At, c)
	case b.State == Healthy && worst.Slow && b.failures.n < 2 && !look.Fast:
	case b.State != Restarting:
		b.enter(Failing, worst.Reason, worst.Message, look.At, c)
	}
	b.Fast = (b.Fast || look.Fast) && b.State != Restarting
}

func (b *Belief) observeRestarting(look Look, c Check) {
	worst := look.headline()
	begins := b.spell.since.IsZero()
	// From Unknown we cannot say that it ran before: it may be the first start of the daemon, at boot.
	looped := b.restarts.count(look, begins && b.State != Unknown && b.State != NotApplicable)
	if begins {
		b.spell = spell{since: look.At, grace: min(worst.Grace, MaxGrace)}
	}
	b.seen, b.failures, b.goods, b.unknowns = true, row{}, row{}, row{}
	b.Fast = b.Fast && b.State == Unhealthy
	b.spell.looks = b.spell.looks.and(look.At, c)
	switch {
	case looped:
		b.loop(look)
	case b.State == Unhealthy:
	case b.graceIsOver(look, c):
		b.enter(Unhealthy, worst.Reason, worst.Message, look.At, c)
	default:
		b.enter(Restarting, v1alpha1.ReasonRestarting, worst.Message, look.At, c)
	}
}

func (b *Belief) observeAbsence(look Look, c Check) {
	if b.seen {
		look.Err = errVanished
		b.observeUnknown(look, c)
		return
	}
	b.failures, b.unknowns = row{}, row{}
	b.enter(NotApplicable, "", "", look.At, c)
}

func (b *Belief) observeUnknown(look Look, c Check) {
	if b.State == NotApplicable {
		return // what was never here is no business of ours
	}
	b.goods = row{}
	b.unknowns = b.unknowns.and(look.At, c)
	if b.unknowns.n >= c.FailAfter {
		b.failures, b.spell = row{}, spell{}
		b.Fast = b.Fast && b.State == Unhealthy
		b.restarts.endSpell()
	}
	if b.State == Unknown || (b.State != Unhealthy && b.unknowns.n >= c.FailAfter) {
		reason := v1alpha1.ReasonCheckFailed
		if errors.Is(look.Err, ErrOverdue) {
			reason = v1alpha1.ReasonCheckOverdue
		}
		b.enter(Unknown, reason, errText(look.Err), look.At, c)
	}
}

// graceIsOver also asks for FailAfter looks within the spell: if the agent itself was frozen for a minute, one look
// after it thawed proves nothing about the minute.
func (b *Belief) graceIsOver(look Look, c Check) bool {
	return !b.spell.since.IsZero() && look.At.Sub(b.spell.since) >= b.spell.grace && b.spell.looks.n >= c.FailAfter
}

// loop is Unhealthy for restarting too often. The dwell begins anew with every further restart.
func (b *Belief) loop(look Look) {
	b.goods, b.heldFrom = row{}, look.At
	if b.State == Unhealthy {
		return
	}
	message := "restarted " + restartLoopText
	if worst := look.headline(); worst.Message != "" {
		message += "; last seen: " + worst.Message
	}
	b.change(Unhealthy, v1alpha1.ReasonRestartLoop, message, look.At)
}

// enter moves to a state, or stays in it and lets the headline follow.
func (b *Belief) enter(to State, reason v1alpha1.Reason, message string, at time.Time, c Check) {
	message = cut(message)
	first := to == Unknown && b.Reason == "" // nothing was looked at before: there is no headline to be patient about
	if b.State != to || first {
		b.change(to, reason, message, at)
		return
	}
	if reason == b.Reason && message == b.Message {
		b.next = candidate{}
		return
	}
	if reason != b.next.reason || message != b.next.message {
		b.next = candidate{reason: reason, message: message}
	}
	if b.next.looks++; b.next.looks >= c.FailAfter {
		b.Reason, b.Message, b.next = reason, message, candidate{}
	}
}

func (b *Belief) change(to State, reason v1alpha1.Reason, message string, at time.Time) {
	if b.State != to {
		b.Since = at
	}
	if to == Unhealthy {
		b.heldFrom, b.goods = at, row{}
	}
	if failing(b.State) || failing(to) {
		b.failed = b.failed.and(at, failing(to))
		b.failed.until = at
	}
	b.State, b.Reason, b.Message, b.next = to, reason, cut(message), candidate{}
}

func errText(err error) string {
	if err == nil {
		return "the check could not tell"
	}
	return err.Error()
}

// cut makes one line of valid UTF-8 that fits the API.
func cut(message string) string {
	message = strings.ToValidUTF8(strings.Join(strings.Fields(message), " "), "?")
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage-3], "") + "..."
}
