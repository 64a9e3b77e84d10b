package pressure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
)

const (
	// askEvery is slow: the kubelet reads its configuration when it starts. Each question costs the API server up to
	// two reviews, of our token and of our right.
	askEvery = 10 * time.Minute
	// askAgain is the pause after an answer that did not come.
	askAgain = 10 * time.Second
	// askTimeout bounds a question that no look waits for: the kubelet has to ask the API server.
	askTimeout = 5 * time.Second
	// settled is how long a kubelet that does not answer may still be starting.
	settled = time.Minute
)

// ConfigzDoor is host.Configz.
type ConfigzDoor interface {
	Get(outer, asked context.Context) ([]byte, error)
}

// ProcessDoor is host.Processes.
type ProcessDoor interface {
	Now(p host.Process) (host.Process, error)
	Find(ctx context.Context, name string) (host.Process, error)
}

// A source knows the kubelet's thresholds. Three checks share it.
type source struct {
	configz   ConfigzDoor
	processes ProcessDoor
	process   string        // the kubelet's name
	turn      chan struct{} // one asks at a time; a mutex that can be waited for with a deadline

	mu    sync.Mutex // guards everything below
	known known
	began time.Time // of the first question; zero before it
	asked time.Time
}

// known is what the thresholds are now and why.
type known struct {
	Thresholds
	err     error        // why they are the defaults; nil once the kubelet told its own
	last    error        // how the latest question ended
	kubelet host.Process // that told them
}

func newSource(configz ConfigzDoor, processes ProcessDoor, process string) *source {
	return &source{
		configz: configz, processes: processes, process: process, turn: make(chan struct{}, 1),
		known: known{Thresholds: kubeletDefaults(), err: errors.New("it was not asked yet")},
	}
}

// current is what is known. The first look asks, and waits for half of its time; all others find an answer.
func (s *source) current(ctx context.Context) known {
	if s.isNew() {
		deadline, bounded := ctx.Deadline()
		wait := askTimeout
		if bounded {
			wait = time.Until(deadline) / 2
		}
		s.ask(ctx, wait, s.isNew)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

// follow keeps the thresholds fresh until ctx ends. Every check that uses them runs it; whoever comes first asks. It has
// no changes to tell: the next look is never far.
func (s *source) follow(ctx context.Context, _ func()) error {
	for {
		s.ask(ctx, askTimeout, s.isDue)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askAgain):
		}
	}
}

// ask asks the kubelet, if it is still needed once it is our turn.
func (s *source) ask(ctx context.Context, wait time.Duration, needed func() bool) {
	if !needed() {
		return
	}
	outer, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-outer.Done():
		return
	}
	if !needed() {
		return
	}
	asked, cancel := context.WithTimeout(outer, wait*9/10)
	defer cancel()
	raw, err := s.configz.Get(outer, asked)
	var told known
	if err == nil {
		told.Thresholds, err = parseConfigz(raw)
	}
	if err == nil {
		// Not found is no matter: a kubelet that is part of another program is asked every ten minutes.
		told.kubelet, _ = s.processes.Find(ctx, s.process)
	}
	s.learn(told, err)
}

func (s *source) learn(told known, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = time.Now()
	if s.began.IsZero() {
		s.began = s.asked
	}
	switch {
	case err == nil:
		s.known = told
	case s.known.err != nil:
		s.known.err, s.known.last = err, err
	default: // what it told once is better than a default
		s.known.last = err
	}
}

func (s *source) isNew() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.began.IsZero()
}

func (s *source) isDue() bool {
	s.mu.Lock()
	known, asked := s.known, s.asked
	s.mu.Unlock()
	pause := askEvery
	if isSilence(known.last) || s.isRestarted(known.kubelet) {
		pause = askAgain
	}
	return asked.IsZero() || time.Since(asked) >= pause
}

func (s *source) isRestarted(kubelet host.Process) bool {
	if kubelet.PID == 0 {
		return false
	}
	_, err := s.processes.Now(kubelet)
	return errors.Is(err, host.ErrNoProcess)
}

// believed is what to say of findings by these thresholds: see the package comment.
func (s *source) believed(k known, findings []check.Finding) ([]check.Finding, error) {
	if k.err == nil {
		return findings, nil
	}
	short := slices.IndexFunc(findings, func(f check.Finding) bool { return !f.Note })
	s.mu.Lock()
	starting := isSilence(k.err) && time.Since(s.began) < settled
	s.mu.Unlock()
	if short >= 0 && starting {
		return nil, fmt.Errorf("waiting for the kubelet to tell its thresholds (%w): %s", k.err, findings[short].Message)
	}
	return append(findings, check.Finding{
		Note:    true,
		Message: "the thresholds are the kubelet's defaults, its own are not known: " + reproach(k.err),
	}), nil
}

// isSilence says that the kubelet did not answer, and may do so later.
func isSilence(err error) bool {
	return errors.Is(err, host.ErrSilent) || errors.Is(err, host.ErrRefused) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func reproach(err error) string {
	var status host.StatusError
	if errors.As(err, &status) && (status == 401 || status == 403) {
		return fmt.Sprintf("%s; our service account needs get on nodes/configz", err)
	}
	return err.Error()
}
