package report

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// Beliefs are what the checks believe: a *check.Runner.
type Beliefs interface {
	Snapshot() []v1alpha1.CheckStatus
	// Changed receives after Snapshot has changed.
	Changed() <-chan struct{}
	// Looked is closed when every check has been looked at once.
	Looked() <-chan struct{}
}

// Options say who reports what, and how.
type Options struct {
	Node    string
	NodeUID types.UID // of the Node we run on, empty if we cannot know
	Holder  string    // of this process
	BootID  string
	Version string

	Beliefs   Beliefs
	Writer    Writer
	Publisher heartbeat.Publisher
	// Address of our health server, as the controller can dial it; empty if it cannot.
	Address func() string
	// Overran is told when a call began that ended by its deadline: kubeclient's Client.Overran.
	Overran func(began time.Time)
	// Planned says, when Run's context has ended, whether the agent was asked to end. One that ends for an error of its
	// own does not say Leaving, which would excuse its silence.
	Planned func() bool

	Beats    config.AgentHeartbeat
	Status   config.AgentReport
	Registry prometheus.Registerer
	Log      *slog.Logger
}

// A Report is the agent's voice: its status and its beats.
type Report struct {
	status *statusLoop
	beats  *beatLoop
}

// New connects the two loops: a written status is followed by a beat, a beat that got through by an owed status.
func New(o Options) (*Report, error) {
	m, err := newMetrics(o.Registry)
	if err != nil {
		return nil, err
	}
	trouble := newTrouble(o.Log)
	r := &Report{status: newStatusLoop(o, m, trouble), beats: newBeatLoop(o, m, trouble)}
	r.status.written = r.beats.now
	r.beats.sequence = r.status.vouched.Load
	r.beats.heard = r.status.tryNow
	return r, nil
}

// Run reports until ctx ends; then, if that was planned, it says so.
func (r *Report) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.status.run(ctx) })
	group.Go(func() error { return r.beats.run(ctx) })
	return group.Wait()
}

// SetLeaving is for a machine that is shutting down: every beat from now on says Leaving, the first at once. said is
// closed when one of them got through, or was given up. SetRunning takes it back.
func (r *Report) SetLeaving() (said <-chan struct{}) { return r.beats.setPhase(v1alpha1.PhaseLeaving) }

// SetRunning says that a shutdown was called off.
func (r *Report) SetRunning() { r.beats.setPhase(v1alpha1.PhaseRunning) }

// Stalled is how long overdue the next attempt at a beat is, 0 if it is not. Whether the API server answers does not
// matter.
func (r *Report) Stalled(now time.Time) time.Duration { return r.beats.stalled(now) }
