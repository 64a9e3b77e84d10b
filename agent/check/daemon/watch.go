package daemon

import (
	"context"
	"errors"
	"sync"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// Watch is told by systemd of changes of the unit, by the kernel of the end of the main process that the last look
// found, and of the socket's coming and going.
func (p *Probe) Watch(ctx context.Context, changed func()) error {
	watches := []check.Watch{p.watchProcess}
	if p.subject.Unit != "" {
		watches = append(watches, p.watchUnit)
	}
	if p.subject.WatchSocket != nil {
		watches = append(watches, p.subject.WatchSocket)
	}
	return check.Together(watches...)(ctx, func() {
		p.told.Store(true) // whoever told: what systemd said before may be no longer so
		changed()
	})
}

// WatchFile is a Subject's WatchSocket for a file of the host.
func WatchFile(paths host.Paths, file string) check.Watch {
	return func(ctx context.Context, changed func()) error { return host.FileChanges(ctx, paths, file, changed) }
}

func (p *Probe) watchUnit(ctx context.Context, changed func()) error {
	defer p.unitHeard.Store(false)
	err := p.units.Changes(ctx, p.subject.Unit, func() {
		p.unitHeard.Store(true)
		changed()
	})
	if errors.Is(err, host.ErrNoSystemd) {
		return check.ErrNotApplicable
	}
	return err
}

// watchProcess follows the main process from one look to the next: whoever takes its place is found by a look.
func (p *Probe) watchProcess(ctx context.Context, changed func()) error {
	for {
		followed, replaced := p.main.get()
		if followed.PID != 0 && !followed.IsZombie() {
			err := p.exitedOr(ctx, replaced, followed)
			switch {
			case err == nil:
				changed()
			case ctx.Err() != nil:
				return ctx.Err()
			case !errors.Is(err, host.ErrNoProcess) && !errors.Is(err, errReplaced):
				return err
			}
		}
		select {
		case <-replaced:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errReplaced = errors.New("another main process was found")

// exitedOr also ends when a look finds another main process.
func (p *Probe) exitedOr(ctx context.Context, replaced <-chan struct{}, followed host.Process) error {
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-replaced:
			cancel(errReplaced)
		case <-waiting.Done():
		}
	}()
	err := p.processes.Exited(waiting, followed)
	if waiting.Err() != nil && ctx.Err() == nil {
		return errReplaced
	}
	return err
}

// followed is the main process as the looks find it, for the watch.
type followed struct {
	mu       sync.Mutex // guards everything below
	process  host.Process
	replaced chan struct{} // closed when process changes
}

func newFollowed() *followed { return &followed{replaced: make(chan struct{})} }

func (f *followed) get() (process host.Process, replaced <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.process, f.replaced
}

func (f *followed) set(p host.Process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.process.Is(p) {
		return
	}
	f.process = p
	close(f.replaced)
	f.replaced = make(chan struct{})
}
