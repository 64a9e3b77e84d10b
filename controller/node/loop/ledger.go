package loop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
	"github.com/bulkhead-dev/bulkhead/internal/ledgerstore"
)

// checkEvery is how often the ledger is read when nothing was to be written: that it was deleted, or that another leads,
// must not wait for the next fault to be noticed.
const checkEvery = 10 * time.Second

// errChanged says that somebody else wrote the ledger: it was loaded again, and the pass ends.
var errChanged = errors.New("the ledger was written by somebody else")

// ledger is the ledger as this leader knows it.
//
//	saved    what the store holds, as far as we know
//	current  what we go by: saved, and the releases that were begun; before we lead, what the nodes show
type ledger struct {
	store    ledgerstore.Store
	identity string

	led            bool  // our epoch was written
	epoch          int64 // ours
	checked        time.Time
	version        ledgerstore.Version
	saved, current protect.Ledger
	// begun are the releases, by node UID, that were begun and could not be written yet: a taint we took back must not
	// look as if somebody else had.
	begun map[string]bool
	// unreadable says why the ledger could not be read or written at the last attempt; empty if it could.
	unreadable string
}

// ready makes sure that the ledger is ours, or notes why it is not. It returns ErrSuperseded, or nil.
func (l *ledger) ready(ctx context.Context) error {
	switch {
	case !l.led:
		return l.lead(ctx)
	case l.unreadable != "", time.Since(l.checked) >= checkEvery:
		return l.reload(ctx)
	}
	return nil
}

// lead writes our identity and the next epoch. From then on an older leader's save fails.
func (l *ledger) lead(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, version, err := l.store.Load(ctx)
	if err != nil {
		l.unreadable = err.Error()
		return nil
	}
	next := l.withBegun(found.Lead(l.identity))
	written, err := l.store.Save(ctx, next, version)
	if err != nil { // ErrChanged included: another leader was quicker, or is still at it; look again
		l.unreadable = fmt.Sprintf("taking over the ledger: %v", err)
		return nil
	}
	l.led, l.epoch = true, next.Epoch
	l.is(next, written)
	l.current, l.begun = next, nil
	return nil
}

// reload reads the ledger after a save that failed or found another version.
//
//	found epoch   means                               so
//	ours          we, or a person, wrote it           go by what is there
//	later         another leads                       ErrSuperseded
//	earlier       somebody deleted the object         write again what we know: a lost ledger must not be a new budget
func (l *ledger) reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, version, err := l.store.Load(ctx)
	switch {
	case err != nil:
		l.unreadable = err.Error()
		return nil
	case found.Epoch > l.epoch || (found.Epoch == l.epoch && found.Leader != l.identity):
		return ErrSuperseded
	}
	l.is(found, version)
	if found.Epoch == l.epoch {
		l.current = l.withBegun(found)
	}
	return nil
}

// is notes what the store holds.
func (l *ledger) is(saved protect.Ledger, version ledgerstore.Version) {
	l.saved, l.version, l.unreadable, l.checked = saved, version, "", time.Now()
}

// save writes the next ledger if it differs from what is saved. Unless it returns nil, nothing may be isolated.
func (l *ledger) save(ctx context.Context, next protect.Ledger) error {
	l.begin(next)
	switch {
	case !l.led:
		l.current = next
		return errors.New(l.unreadable)
	case l.unreadable != "":
		l.current = l.withBegun(l.current)
		return errors.New(l.unreadable)
	case next.Equal(l.saved):
		l.current, l.begun = next, nil
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	version, err := l.store.Save(call, next, l.version)
	if err == nil {
		l.is(next, version)
		l.current, l.begun = next, nil
		return nil
	}
	l.current = l.withBegun(l.current)
	if !errors.Is(err, ledgerstore.ErrChanged) {
		l.unreadable = err.Error()
		return err
	}
	if err := l.reload(ctx); err != nil {
		return err
	}
	return errChanged
}

// confirm reads the ledger again before an act: its epoch must be ours still, and an intent with a permit must be
// there and be ours. It returns ErrSuperseded, or why we cannot tell.
func (l *ledger) confirm(ctx context.Context, permit string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, version, err := l.store.Load(ctx)
	switch {
	case err != nil:
		return err
	case found.Epoch > l.epoch:
		return ErrSuperseded
	case version != l.version:
		return errChanged
	}
	for _, i := range found.Intents {
		if i.Permit == permit && i.Epoch == l.epoch {
			return nil
		}
	}
	if permit == "" {
		return nil
	}
	return fmt.Errorf("the ledger has no intent for permit %s of epoch %d", permit, l.epoch)
}

// begin notes the releases that a ledger begins.
func (l *ledger) begin(next protect.Ledger) {
	for _, i := range next.Isolations {
		if !i.Releasing {
			continue
		}
		if l.begun == nil {
			l.begun = map[string]bool{}
		}
		l.begun[i.UID] = true
	}
}

// withBegun is a ledger with the releases that were begun.
func (l *ledger) withBegun(known protect.Ledger) protect.Ledger {
	for uid := range l.begun {
		known = known.Releasing(uid)
	}
	return known
}
