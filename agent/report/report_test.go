package report

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat/heartbeattest"
)

// A rig is an agent's report in a bubble: the checks, the API server and the network are played.
type rig struct {
	t      *testing.T
	report *Report
	memory heartbeattest.Memory
	log    bytes.Buffer
	stop   context.CancelFunc
	ended  chan error

	changed chan struct{}
	looked  chan struct{}

	mu       sync.Mutex // guards everything below
	checks   []v1alpha1.CheckStatus
	writes   []v1alpha1.AgentStatus // that got through
	attempts int
	fail     error // of writes; errHang hangs them
	events   []heartbeat.Event
	history  []string // "write" and "beat", in the order they arrived
	overran  int
	planned  bool
}

var errHang = errors.New("hang")

func (r *rig) Snapshot() []v1alpha1.CheckStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.checks
}
func (r *rig) Changed() <-chan struct{} { return r.changed }
func (r *rig) Looked() <-chan struct{}  { return r.looked }

func (r *rig) Write(ctx context.Context, status v1alpha1.AgentStatus) error {
	r.mu.Lock()
	r.attempts++
	fail := r.fail
	r.mu.Unlock()
	if errors.Is(fail, errHang) {
		<-ctx.Done()
		return ctx.Err()
	}
	if fail != nil {
		return fail
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = append(r.writes, status)
	r.history = append(r.history, "write")
	return nil
}

func (r *rig) set(state v1alpha1.CheckState) {
	r.mu.Lock()
	r.checks = []v1alpha1.CheckStatus{{Name: "kubelet", State: state}}
	r.mu.Unlock()
	r.changed <- struct{}{}
	synctest.Wait()
}

func (r *rig) setFail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

func (r *rig) lastWrite() v1alpha1.AgentStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	require.NotEmpty(r.t, r.writes)
	return r.writes[len(r.writes)-1]
}

func (r *rig) lastBeat() heartbeat.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	require.NotEmpty(r.t, r.events)
	return r.events[len(r.events)-1]
}

// count is how many writes and beats have arrived so far.
func (r *rig) count() (writes, beats int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Mark != "" {
			beats++
		}
	}
	return len(r.writes), beats
}

// in runs a test of a report that has been up for 10 s.
func in(t *testing.T, test func(t *testing.T, r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, changed: make(chan struct{}, 1), looked: make(chan struct{}), ended: make(chan error, 1), planned: true}
		require.NoError(t, r.memory.EnsureLease(t.Context(), "n1", "u"))
		ctx, cancel := context.WithCancel(t.Context())
		r.stop = cancel
		defer cancel()
		go func() {
			_ = r.memory.Source().Watch(t.Context(), func(e heartbeat.Event) {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.events = append(r.events, e)
				r.history = append(r.history, "beat")
			})
		}()
		defaults := config.DefaultAgent()
		var err error
		r.report, err = New(Options{
			Node: "n1", Holder: "h", BootID: "boot", Version: "v1",
			Beliefs: r, Writer: r, Publisher: r.memory.Publisher("n1"),
			Address:  func() string { return "10.0.0.1:10298" },
			Overran:  func(time.Time) { r.mu.Lock(); defer r.mu.Unlock(); r.overran++ },
			Planned:  func() bool { return r.planned },
			Beats:    defaults.Heartbeat,
			Status:   defaults.Report,
			Registry: prometheus.NewRegistry(),
			Log:      slog.New(slog.NewTextHandler(&r.log, nil)),
		})
		require.NoError(t, err)
		go func() { r.ended <- r.report.Run(ctx) }()
		r.set(v1alpha1.CheckHealthy) // before the first look is over, or two reports would be right
		close(r.looked)
		r.sleep(10 * time.Second)
		test(t, r)
		cancel()
		synctest.Wait()
	})
}

func (r *rig) sleep(d time.Duration) { time.Sleep(d); synctest.Wait() }

func TestReport_BeatsEverySecondAndWritesNothingWhileNothingChanges(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		writes, beats := r.count()
		require.Equal(t, 1, writes)
		r.sleep(60 * time.Second)
		writes, after := r.count()
		require.Equal(t, 1, writes)
		require.InDelta(t, 60, after-beats, 1)
		beat := r.lastBeat().Beat
		require.Equal(t, heartbeat.Heartbeat{
			Node: "n1", Holder: "h", BootID: "boot", Sequence: r.lastWrite().Sequence, Phase: v1alpha1.PhaseRunning,
			Next: time.Second, Address: "10.0.0.1:10298",
		}, beat)
		r.sleep(4 * time.Minute)
		writes, _ = r.count()
		require.Equal(t, 2, writes, "a refresh")
		require.Equal(t, beat.Sequence, r.lastWrite().Sequence, "of the same status")
		require.Empty(t, r.log.String())
	})
}

func TestReport_AChangeIsWrittenAtOnceAndABeatFollows(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.sleep(100 * time.Millisecond)
		before := r.lastWrite().Sequence
		r.mu.Lock()
		r.history = nil
		r.mu.Unlock()
		r.set(v1alpha1.CheckUnhealthy)
		require.Equal(t, []string{"write", "beat"}, r.history)
		require.Equal(t, before+1, r.lastWrite().Sequence)
		require.Equal(t, before+1, r.lastBeat().Beat.Sequence)
		require.Equal(t, v1alpha1.CheckUnhealthy, r.lastWrite().Checks[0].State)
	})
}

func TestReport_FollowsThePeriodAskedAndPromisesIt(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		require.NoError(t, r.memory.SetPeriod(t.Context(), "n1", 5*time.Second))
		r.sleep(2 * time.Second)
		_, before := r.count()
		r.sleep(50 * time.Second)
		_, after := r.count()
		require.InDelta(t, 10, after-before, 1)
		require.Equal(t, 5*time.Second, r.lastBeat().Beat.Next)

		// A promise is open when a beat fails: it is tried again every second.
		r.memory.Cut("n1")
		r.sleep(7 * time.Second)
		r.memory.Mend("n1")
		r.sleep(time.Second)
		_, mended := r.count()
		require.Greater(t, mended, after)
	})
}

func TestReport_KeepsTheVerdictAndSendsItWhenTheWayOpens(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.setFail(errors.New("connection refused"))
		r.memory.Cut("n1")
		r.sleep(2 * time.Second)
		before := r.lastWrite()
		r.set(v1alpha1.CheckUnhealthy)
		r.sleep(5 * time.Minute)
		require.Equal(t, before, r.lastWrite())

		r.setFail(nil)
		r.memory.Mend("n1")
		r.sleep(1100 * time.Millisecond) // the next beat, not the next retry
		require.Equal(t, v1alpha1.CheckUnhealthy, r.lastWrite().Checks[0].State)
		require.Equal(t, before.Sequence+1, r.lastWrite().Sequence)
	})
}

func TestReport_DoesNotVouchForWhatIsNoLongerBelieved(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.set(v1alpha1.CheckUnhealthy)
		faulty := r.lastWrite().Sequence
		r.setFail(errHang) // writes hang, beats pass
		r.set(v1alpha1.CheckHealthy)
		r.sleep(2500 * time.Millisecond)
		require.Equal(t, faulty, r.lastWrite().Sequence)
		require.Greater(t, r.lastBeat().Beat.Sequence, faulty)
		require.Positive(t, r.overran)
		require.Less(t, r.attempts, 20, "retries back off")
	})
}

func TestReport_SaysLeavingWhenItIsAskedToEnd(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.stop()
		synctest.Wait()
		require.NoError(t, <-r.ended)
		require.Equal(t, v1alpha1.PhaseLeaving, r.lastBeat().Beat.Phase)
	})
}

func TestReport_DoesNotSayLeavingWhenItFails(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.planned = false
		r.stop()
		synctest.Wait()
		require.NoError(t, <-r.ended)
		require.Equal(t, v1alpha1.PhaseRunning, r.lastBeat().Beat.Phase)
	})
}

func TestReport_StaysLeavingUntilTheShutdownIsCalledOff(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		<-r.report.SetLeaving()
		synctest.Wait()
		require.Equal(t, v1alpha1.PhaseLeaving, r.lastBeat().Beat.Phase)
		r.sleep(3 * time.Second)
		require.Equal(t, v1alpha1.PhaseLeaving, r.lastBeat().Beat.Phase)
		r.report.SetRunning()
		synctest.Wait()
		require.Equal(t, v1alpha1.PhaseRunning, r.lastBeat().Beat.Phase)
	})
}

func TestReport_SaysATroubleOnceAndOnceAMinute(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.setFail(errors.New("connection refused"))
		r.memory.Cut("n1")
		r.set(v1alpha1.CheckUnhealthy)
		r.sleep(150 * time.Second)
		require.Equal(t, 3, bytes.Count(r.log.Bytes(), []byte("level=WARN msg=\"cannot report\" trouble=\"the API server does not answer")), r.log.String())
		require.Equal(t, 3, bytes.Count(r.log.Bytes(), []byte("\n")))
		r.setFail(nil)
		r.memory.Mend("n1")
		r.sleep(2 * time.Second)
		require.Equal(t, 4, bytes.Count(r.log.Bytes(), []byte("\n")), r.log.String())
		require.Contains(t, r.log.String(), `msg="can report again" troubleOver="the API server does not answer`)
	})
}

func TestReport_NoLeaseIsNoWarning(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		require.NoError(t, r.memory.DeleteLease(t.Context(), "n1"))
		r.sleep(30 * time.Second)
		require.Contains(t, r.log.String(), "this node has no heartbeat lease yet")
		require.NotContains(t, r.log.String(), "WARN")
		require.NoError(t, r.memory.EnsureLease(t.Context(), "n1", "u2"))
		r.sleep(2 * time.Second)
		require.NotEmpty(t, r.lastBeat().Mark)
	})
}

func TestReport_TurnsWhateverTheAPIServerDoes(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.memory.Cut("n1")
		for range 20 {
			r.sleep(700 * time.Millisecond)
			require.Less(t, r.report.Stalled(time.Now()), 900*time.Millisecond)
		}
	})
}

func TestReport_DoesNotWaitForACheckThatHangs(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.looked = make(chan struct{}) // never closed
		other, err := New(Options{
			Beliefs: r, Writer: r, Publisher: r.memory.Publisher("n1"), Address: func() string { return "" },
			Overran: func(time.Time) {}, Planned: func() bool { return true },
			Beats: config.DefaultAgent().Heartbeat, Status: config.DefaultAgent().Report,
			Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		before, _ := r.count()
		go func() { _ = other.Run(ctx) }()
		r.sleep(2 * time.Second)
		writes, _ := r.count()
		require.Equal(t, before, writes)
		r.sleep(2 * time.Second)
		writes, _ = r.count()
		require.Equal(t, before+1, writes)
	})
}

func TestExplain_OneLineWithWhatToDo(t *testing.T) {
	nodehealths := schema.GroupResource{Group: v1alpha1.GroupName, Resource: "nodehealths"}
	forbidden := apierrors.NewForbidden(nodehealths, "n1", errors.New(`User "agent" cannot patch resource "nodehealths/status"`))
	noKind := apierrors.NewGenericServerResponse(404, "PATCH", nodehealths, "n1", "404 page not found", 0, true)
	for want, err := range map[string]error{
		"install the chart's roles for the agent":              forbidden,
		`cannot patch resource "nodehealths/status"`:           forbidden,
		"this node has no NodeHealth yet":                      apierrors.NewNotFound(nodehealths, "n1"),
		"install the chart's CRDs":                             noKind,
		"check the service account's token":                    apierrors.NewUnauthorized("no"),
		"agent and CRDs are of different versions":             apierrors.NewInvalid(schema.GroupKind{Kind: "NodeHealth"}, "n1", nil),
		"the API server answers with an error":                 apierrors.NewInternalError(errors.New("etcd")),
		"the API server does not answer; checks go on":         context.DeadlineExceeded,
		"this node has no heartbeat lease yet; the controller": heartbeat.ErrNoLease,
	} {
		require.Contains(t, explain(err), want)
	}
}
