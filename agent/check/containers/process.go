package containers

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
)

const (
	// learnAtOnce bounds how many containers are asked for more at one reconciling: a PID costs the runtime an answer of
	// some 20 kB. With 100 containers all are known after 250 s.
	learnAtOnce = 4
	// readAtOnce bounds how many processes are read at one reconciling, 10 us each.
	readAtOnce = 64
)

// A process is the main process of a container. The zero value: not known yet.
type process struct {
	main host.Process
	read time.Time // when it was last looked at
	gone time.Time // when it was first seen gone; zero: it is not
}

// A question is about one container, and answered without the lock.
type question struct {
	id      string
	withPID bool
	process process
}

// learn asks for more about a few: the exit codes of those that ended, and the main processes of those that run.
func (p *Probe) learn(ctx context.Context, r *runtime) {
	asked, cancel := check.Within(ctx, 50)
	defer cancel()
	for _, q := range p.questions() {
		if asked.Err() != nil {
			return
		}
		detail, err := r.lists.Container(ctx, asked, q.id, q.withPID)
		if err != nil {
			continue // it may be gone; it is asked once
		}
		if q.withPID && detail.State == host.ContainerRunning && detail.PID > 0 {
			if found, err := p.doors.Processes.Stat(detail.PID); err == nil {
				q.process.main = found
			}
		}
		p.learned(q, detail)
	}
}

func (p *Probe) questions() []question {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []question
	for _, c := range p.state.containers {
		if len(list) == learnAtOnce {
			break
		}
		unknownExit := c.state == host.ContainerExited && c.exitCode == notAsked && !c.replaced && p.state.isReady(c.sandbox)
		unknownPID := c.state == host.ContainerRunning && c.process.main.PID == 0
		if !c.asked && (unknownExit || unknownPID) {
			c.asked = true
			list = append(list, question{id: c.id, withPID: unknownPID})
		}
	}
	return list
}

func (p *Probe) learned(q question, detail host.ContainerDetail) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.state.containers[q.id]
	switch {
	case c == nil || c.state != detail.State:
	case c.state == host.ContainerExited:
		c.exitCode = detail.ExitCode
	case c.state == host.ContainerRunning:
		c.process = q.process
	}
}

// read looks at processes that are known. It is called after a listing that said of all of them that they run.
func (p *Probe) read(now time.Time) {
	for _, q := range p.oldest() {
		found, err := p.doors.Processes.Now(q.process.main)
		gone := errors.Is(err, host.ErrNoProcess) || found.IsZombie()
		if err != nil && !gone {
			continue // we could not look
		}
		p.seen(q, gone, now)
	}
}

func (p *Probe) seen(q question, gone bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.state.containers[q.id]
	if c == nil || !c.process.main.Is(q.process.main) {
		return
	}
	c.process.read = now
	switch {
	case !gone:
		c.process.gone = time.Time{}
	case c.process.gone.IsZero():
		c.process.gone = now
	}
}

// oldest are those that were not looked at for the longest time.
func (p *Probe) oldest() []question {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []question
	for _, c := range p.state.containers {
		if c.state == host.ContainerRunning && c.process.main.PID != 0 {
			list = append(list, question{id: c.id, process: c.process})
		}
	}
	slices.SortFunc(list, func(a, b question) int { return a.process.read.Compare(b.process.read) })
	return list[:min(len(list), readAtOnce)]
}
