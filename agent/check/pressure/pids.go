package pressure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// limitsEvery is how often the groups' limits are read. They change with a unit's configuration.
const limitsEvery = 30 * time.Second

// PIDs looks at how many more processes and threads can be started: on the machine, and in the control groups whose
// exhaustion stops the node's own work. The kubelet looks at the machine alone.
type PIDs struct {
	source *source
	paths  host.Paths
	groups host.ControlGroups
	names  []string  // of the groups
	own    Threshold // for groups, and for the machine where the kubelet has none

	limited []taskGroup // those with a limit
	read    time.Time   // when the limits were
	crossed pidsCrossed
}

// A taskGroup is a control group with a limit.
type taskGroup struct {
	name         string
	count, limit uint64
}

// pidsObservation is how many tasks there are and may be.
type pidsObservation struct {
	machine host.Tasks
	groups  []taskGroup
}

// pidsCrossed remembers what was short at the last look.
type pidsCrossed struct {
	machine bool
	groups  string // the one that was named
}

// Probe counts them.
func (p *PIDs) Probe(ctx context.Context) ([]check.Finding, error) {
	known := p.source.current(ctx)
	o, groupsErr := pidsObservation{}, p.readGroups()
	var err error
	if o.machine, err = p.paths.Tasks(); err != nil {
		return nil, fmt.Errorf("counting tasks: %w", err)
	}
	o.groups = p.limited
	var findings []check.Finding
	findings, p.crossed = judgePIDs(o, known.Thresholds, p.own, p.crossed)
	if len(findings) == 0 && groupsErr != nil {
		return nil, groupsErr
	}
	return p.source.believed(known, findings)
}

// Watch keeps the thresholds fresh.
func (p *PIDs) Watch(ctx context.Context, changed func()) error { return p.source.follow(ctx, changed) }

// readGroups counts the tasks of the groups that have a limit.
func (p *PIDs) readGroups() error {
	if p.read.IsZero() || time.Since(p.read) >= limitsEvery {
		if err := p.readLimits(); err != nil {
			return err
		}
		p.read = time.Now()
	}
	var problems []error
	for i := range p.limited {
		count, err := p.groups.Tasks(p.limited[i].name)
		if err != nil && !errors.Is(err, host.ErrNoGroup) {
			problems = append(problems, err)
		}
		p.limited[i].count = count // 0 of a group that is gone
	}
	if len(problems) > 0 {
		return fmt.Errorf("counting the tasks of control groups: %w", errors.Join(problems...))
	}
	return nil
}

func (p *PIDs) readLimits() error {
	p.limited = nil
	if err := p.groups.Mounted(); err != nil {
		return err
	}
	for _, name := range p.names {
		limit, limited, err := p.groups.TaskLimit(name)
		switch {
		case errors.Is(err, host.ErrNoGroup):
		case err != nil:
			return fmt.Errorf("reading the task limit of control group %s: %w", name, err)
		case limited:
			p.limited = append(p.limited, taskGroup{name: name, limit: limit})
		}
	}
	return nil
}

func judgePIDs(o pidsObservation, t Thresholds, own Threshold, was pidsCrossed) (findings []check.Finding, now pidsCrossed) {
	threshold, whose := t.PIDs, "the kubelet evicts"
	if threshold == (Threshold{}) {
		threshold, whose = own, "the kubelet has no threshold, ours is"
	}
	left := o.machine.Limit - min(o.machine.Limit, o.machine.Count)
	if now.machine = threshold.isCrossed(left, o.machine.Limit, was.machine); now.machine {
		findings = append(findings, check.Finding{Reason: v1alpha1.ReasonPIDPressure, Message: fmt.Sprintf(
			"%s of the process numbers is left (kernel.pid_max, kernel.threads-max); %s below %s",
			leftOver(left, o.machine.Limit), whose, threshold)})
	}
	for _, g := range o.groups {
		left := g.limit - min(g.limit, g.count)
		if !own.isCrossed(left, g.limit, was.groups == g.name) {
			continue
		}
		if now.groups == "" {
			now.groups = g.name
		}
		findings = append(findings, check.Finding{Reason: v1alpha1.ReasonPIDLimit, Message: fmt.Sprintf(
			"%s of the %d tasks that control group %s may have is left", leftOver(left, g.limit), g.limit, g.name)})
	}
	return findings, now
}
