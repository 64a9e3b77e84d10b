package ovs

import (
	"fmt"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// An observation is what one look saw.
type observation struct {
	vswitchd daemon.Outcome
	server   daemon.Outcome
	database *host.OVSDatabase // nil: could not be read
	kernel   kernel
}

// kernel is what the kernel said of its datapaths.
type kernel struct {
	asked          bool // a bridge wants one
	knowsDatapaths bool // its module is loaded
	datapaths      int
	err            error
}

// A memory is what is kept from one look to the next. It is a value.
type memory struct {
	hadDatapath bool          // the kernel had one once
	current     int64         // cur_cfg
	behindSince time.Time     // since when cur_cfg has not moved although it is not next_cfg; zero: it is
	behindFor   time.Duration // up to this look
}

// after is the memory once o was seen. A look that could not read the database changes nothing.
func (m memory) after(o observation, now time.Time) memory {
	m.hadDatapath = m.hadDatapath || o.kernel.datapaths > 0
	if o.database == nil {
		return m
	}
	isBehind := o.database.CurrentConfig < o.database.NextConfig
	switch {
	case !isBehind:
		m.behindSince = time.Time{}
	case m.behindSince.IsZero(), o.database.CurrentConfig != m.current:
		m.behindSince = now
	}
	m.current, m.behindFor = o.database.CurrentConfig, 0
	if isBehind {
		m.behindFor = now.Sub(m.behindSince)
	}
	return m
}

// judge concludes; doc.go has its table.
func judge(o observation, m memory, stuckAfter time.Duration) ([]check.Finding, error) {
	return daemon.Join(o.vswitchd, o.server, judgeKernel(o, m), judgeConfig(o, m, stuckAfter))
}

var nothing = daemon.Outcome{Err: check.ErrNotApplicable}

func judgeKernel(o observation, m memory) daemon.Outcome {
	switch {
	case !o.kernel.asked, !o.vswitchd.IsWell():
		return nothing
	case o.kernel.err != nil:
		return daemon.Outcome{Err: o.kernel.err}
	case o.kernel.datapaths > 0, !o.kernel.knowsDatapaths && !m.hadDatapath:
		return nothing
	default:
		return found(v1alpha1.ReasonOVSDatapathMissing, fmt.Sprintf("the kernel has no datapath, and %d bridges want it", o.database.KernelBridges))
	}
}

func judgeConfig(o observation, m memory, stuckAfter time.Duration) daemon.Outcome {
	isThere := o.vswitchd.IsWell() || len(o.vswitchd.Findings) > 0
	if o.database == nil || !isThere || m.behindFor < stuckAfter {
		return nothing
	}
	return found(v1alpha1.ReasonOVSConfigStuck, fmt.Sprintf("configuration %d is asked for, and ovs-vswitchd has stayed at %d for more than %s",
		o.database.NextConfig, o.database.CurrentConfig, stuckAfter))
}

func found(reason v1alpha1.Reason, message string) daemon.Outcome {
	return daemon.Outcome{Findings: []check.Finding{{Reason: reason, Message: message}}}
}

// judgeControl is about a database that answers its clients and not on its control socket.
func judgeControl(err error) daemon.Answer {
	answer := daemon.Unanswered(err)
	if answer.Kind == daemon.CannotAsk {
		return answer
	}
	return daemon.Answer{Kind: daemon.Bad, Finding: check.Finding{
		Reason:  v1alpha1.ReasonOVSDBNotAnswering,
		Message: "ovsdb-server answers on db.sock; of its control socket: " + err.Error(),
	}}
}
