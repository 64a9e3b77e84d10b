package ovs

import (
	"context"
	"errors"
	"path"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// What the daemons' PID files, sockets and processes are called.
const (
	vswitchd = "ovs-vswitchd"
	server   = "ovsdb-server"
)

// A Probe looks at Open vSwitch. Looks are made by one goroutine at a time.
type Probe struct {
	ovs        *host.OVS
	subject    config.OVSSubject
	vswitchd   *daemon.Probe
	server     *daemon.Probe
	read       *host.OVSDatabase // by the present look; nil: nothing
	memory     memory
	stuckAfter time.Duration
}

// New makes the probe.
func New(o config.OVSSubject, doors host.Doors) *Probe {
	p := &Probe{ovs: doors.OVS, subject: o, stuckAfter: o.StuckAfter.Duration}
	units := unitDoor{doors.Systemd}
	p.vswitchd = daemon.New(daemon.Subject{
		Name: vswitchd, Unit: o.VswitchdUnit, UnitEvery: daemon.Seldom, Process: vswitchd, Address: path.Join(o.RunDir, vswitchd+".<pid>.ctl"),
		Reasons: daemon.Reasons{
			NotRunning:   v1alpha1.ReasonOVSVswitchdNotRunning,
			NotAnswering: v1alpha1.ReasonOVSVswitchdNotAnswering,
			Zombie:       v1alpha1.ReasonOVSVswitchdZombie,
		},
		Ask:         p.askVswitchd,
		WatchSocket: daemon.WatchFile(doors.Paths, path.Join(o.RunDir, vswitchd+".pid")),
		Optional:    true,
	}, units, newProcessDoor(o.RunDir, doors))
	p.server = daemon.New(daemon.Subject{
		Name: server, Unit: o.DatabaseUnit, UnitEvery: daemon.Seldom, Process: server, Address: path.Join(o.RunDir, "db.sock"),
		Reasons: daemon.Reasons{
			NotRunning:   v1alpha1.ReasonOVSDBNotRunning,
			NotAnswering: v1alpha1.ReasonOVSDBNotAnswering,
			Zombie:       v1alpha1.ReasonOVSDBZombie,
		},
		Ask:         p.askServer,
		WatchSocket: daemon.WatchFile(doors.Paths, path.Join(o.RunDir, "db.sock")),
		Optional:    true,
	}, units, newProcessDoor(o.RunDir, doors))
	return p
}

// Probe asks both daemons at once, and the kernel when a bridge wants its datapath.
func (p *Probe) Probe(ctx context.Context) ([]check.Finding, error) {
	p.read = nil
	outcomes := daemon.Several(ctx, p.vswitchd, p.server)
	o := observation{vswitchd: outcomes[0], server: outcomes[1], database: p.read}
	if o.database != nil && o.database.KernelBridges > 0 {
		o.kernel = p.lookAtKernel()
	}
	p.memory = p.memory.after(o, time.Now())
	return judge(o, p.memory, p.stuckAfter)
}

// Restarts counts those of the daemon that was restarted more often: restarting Open vSwitch restarts both, once.
func (p *Probe) Restarts() uint32 { return max(p.vswitchd.Restarts(), p.server.Restarts()) }

// Watch is told what both daemons' watches are told.
func (p *Probe) Watch(ctx context.Context, changed func()) error {
	return check.Together(p.vswitchd.Watch, p.server.Watch)(ctx, changed)
}

func (p *Probe) askVswitchd(outer, asked context.Context) daemon.Answer {
	if _, err := p.ovs.Version(outer, asked, p.subject.RunDir, vswitchd); err != nil {
		return daemon.Unanswered(err)
	}
	return daemon.Answer{Kind: daemon.Good}
}

// askServer asks for the data first: that is what a database is for.
func (p *Probe) askServer(outer, asked context.Context) daemon.Answer {
	database, err := p.ovs.Database(outer, asked, path.Join(p.subject.RunDir, "db.sock"))
	if err != nil {
		return daemon.Unanswered(err)
	}
	p.read = &database
	if _, err := p.ovs.Version(outer, asked, p.subject.RunDir, server); err != nil {
		return judgeControl(err)
	}
	return daemon.Answer{Kind: daemon.Good}
}

func (p *Probe) lookAtKernel() kernel {
	names, err := p.ovs.Datapaths()
	switch {
	case errors.Is(err, host.ErrAbsent):
		return kernel{asked: true}
	case err != nil:
		return kernel{asked: true, err: err}
	default:
		return kernel{asked: true, knowsDatapaths: true, datapaths: len(names)}
	}
}
