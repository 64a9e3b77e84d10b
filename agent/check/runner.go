package check

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// A Runner looks at everything, again and again, and keeps what is believed.
//
// Its methods may be called concurrently, before and during Run.
type Runner struct {
	order    []*loop
	byName   map[Name]Check
	observer Observer
	log      *slog.Logger
	changed  chan struct{}
	looked   chan struct{}

	mu       sync.Mutex // guards everything below
	beliefs  map[Name]Belief
	unlooked int
}

// NewRunner checks the list and prepares to run it. observer may be nil.
func NewRunner(checks []Check, observer Observer, log *slog.Logger) (*Runner, error) {
	if err := Validate(checks); err != nil {
		return nil, err
	}
	if observer == nil {
		observer = noObserver{}
	}
	r := &Runner{
		byName:   map[Name]Check{},
		observer: observer,
		log:      log,
		changed:  make(chan struct{}, 1),
		looked:   make(chan struct{}),
		beliefs:  map[Name]Belief{},
		unlooked: len(checks),
	}
	if len(checks) == 0 {
		close(r.looked)
	}
	for _, c := range checks {
		r.byName[c.Name] = c
		r.order = append(r.order, newLoop(c, r))
	}
	return r, nil
}

// Run looks until ctx ends. It does not wait for a probe that is stuck: nobody can end that.
func (r *Runner) Run(ctx context.Context) error {
	var group sync.WaitGroup
	beat := time.Now().Add(rand.N(time.Second)) // the agents of a rollout do not look in step: they share name servers
	for _, l := range r.order {
		group.Go(func() { l.run(ctx, beat) })
		group.Go(func() { l.watch(ctx) })
	}
	group.Wait()
	return ctx.Err()
}

// Changed receives after what Snapshot shows has changed, once for any number of changes since it was last received
// from. It has one receiver.
func (r *Runner) Changed() <-chan struct{} { return r.changed }

// Looked is closed when every check has been looked at once. Until then a Snapshot says Unknown of some.
func (r *Runner) Looked() <-chan struct{} { return r.looked }

// Snapshot is what is believed now, in the order of the checks. Checks that do not apply to this node are left out.
func (r *Runner) Snapshot() []v1alpha1.CheckStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	statuses := make([]v1alpha1.CheckStatus, 0, len(r.order))
	for _, l := range r.order {
		if status, applies := r.status(l.check.Name); applies {
			statuses = append(statuses, status)
		}
	}
	return statuses
}

// status is called with mu held.
func (r *Runner) status(name Name) (v1alpha1.CheckStatus, bool) {
	b, known := r.beliefs[name]
	if !known {
		return v1alpha1.CheckStatus{Name: string(name), State: v1alpha1.CheckUnknown, Message: "not looked at yet"}, true
	}
	if b.State == NotApplicable {
		return v1alpha1.CheckStatus{}, false
	}
	since := metav1.NewMicroTime(b.Since)
	return v1alpha1.CheckStatus{
		Name:          string(name),
		State:         v1alpha1.CheckState(b.State),
		Reason:        b.Reason,
		Message:       b.Message,
		Since:         &since,
		ConfirmedFast: b.Fast && (b.State == Failing || b.State == Unhealthy),
		ExplainedBy:   string(explainedBy(name, r.byName, r.beliefs)),
	}, true
}

// shown is the status without its moment, to compare. It is called with mu held.
func (r *Runner) shown(name Name) v1alpha1.CheckStatus {
	status, _ := r.status(name)
	status.Since = nil
	return status
}

// observe folds a look into the belief, tells who wants to know, and returns what is believed now.
func (r *Runner) observe(c Check, look Look, took time.Duration) State {
	r.observer.Looked(c.Name, look.State, took)
	r.mu.Lock()
	before, known := r.beliefs[c.Name]
	shown := r.shown(c.Name)
	after := before.Observe(look, c)
	r.beliefs[c.Name] = after
	isNews := r.shown(c.Name) != shown
	if !known {
		r.unlooked--
		if r.unlooked == 0 {
			close(r.looked)
		}
	}
	r.mu.Unlock()

	r.log.Debug("looked", "check", c.Name, "outcome", look.State, "took", took, "err", look.Err)
	if !known || before.State != after.State {
		r.observer.Believed(c.Name, after.State)
		r.logTransition(c.Name, before, after)
	}
	if isNews {
		select {
		case r.changed <- struct{}{}:
		default: // one is waiting already; its receiver will read this change too
		}
	}
	return after.State
}

func (r *Runner) logTransition(name Name, before, after Belief) {
	from := before.State
	if from == "" {
		from = Unknown
	}
	r.log.Info("check changed", "check", name, "from", from, "to", after.State, "reason", after.Reason, "message", after.Message)
}
