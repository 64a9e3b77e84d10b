package loop_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/events"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/metrics"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/controller/node/isolate"
	"github.com/bulkhead-dev/bulkhead/controller/node/loop"
	"github.com/bulkhead-dev/bulkhead/controller/node/nodetest"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
	"github.com/bulkhead-dev/bulkhead/controller/node/publish"
	"github.com/bulkhead-dev/bulkhead/controller/node/taint"
	"github.com/bulkhead-dev/bulkhead/internal/ledgerstore"
)

// sleep lets everything that is due by then happen, and waits until it has.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// world is a cluster with controllers.
type world struct {
	*nodetest.Cluster
	ctx    context.Context
	ledger *ledgerstore.Memory
	events *events.FakeRecorder
}

// in runs a test in a cluster that has not yet a controller.
func in(t *testing.T, nodes int, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		w := &world{Cluster: nodetest.New(t, ctx, nodes), ctx: ctx, ledger: &ledgerstore.Memory{}, events: events.NewFakeRecorder(1000)}
		test(w)
		stop()
		synctest.Wait()
	})
}

// controller is one that leads until stop, or until another does.
type controller struct {
	census *census.Census
	stop   func()
	ended  chan error
	kept   *kept
}

// lead starts a controller and waits until it is no longer blind.
func (w *world) lead(identity string, store ledgerstore.Store) *controller {
	ctx, stop := context.WithCancel(w.ctx)
	s := census.New(census.Options{
		Kube: w.Kube, Bulkhead: w.Bulkhead, Beats: w.Beats.Source(), Pulse: w, Clock: w, Log: w.Log,
		Period: func(int) time.Duration { return time.Second }, KubeletPort: 10250, AgentPort: 10298,
	})
	go func() { _ = s.Run(ctx) }()
	c := &controller{census: s, stop: stop, ended: make(chan error, 1), kept: &kept{}}
	l := loop.New(loop.Options{
		Identity: identity, Census: s, Recheck: census.NewRechecker(s, w), Store: store,
		Isolator: isolate.NewIsolator(w.Kube), Evictor: c.kept, Dialer: noDials{}, Publisher: noPublisher{},
		Events: w.events, Metrics: metrics.New(prometheus.NewRegistry()), Log: w.Log, Woken: make(chan struct{}),
	})
	go func() { c.ended <- l.Run(ctx) }()
	sleep(6 * time.Second)
	return c
}

func (w *world) leads(identity string) *controller { return w.lead(identity, w.ledger.Open()) }

func (w *world) load() protect.Ledger {
	l, _, err := w.ledger.Open().Load(w.ctx)
	require.NoError(w.T, err)
	return l
}

// isolated lists the nodes that carry our NoExecute taint.
func (w *world) isolated(names ...string) []string {
	out := []string{}
	for _, name := range names {
		if taint.Of(w.Node(name)).Rung == v1alpha1.ActionNoExecute {
			out = append(out, name)
		}
	}
	return out
}

func (w *world) told() (all []string) {
	for {
		select {
		case e := <-w.events.Events:
			all = append(all, e)
		default:
			return all
		}
	}
}

type noDials struct{}

func (noDials) Ask(context.Context, string, []string) {}

type noPublisher struct{}

func (noPublisher) Publish(publish.Pass) {}

// kept is an Evictor that notes what it is told.
type kept struct{ targets []isolate.Target } // looked at after synctest.Wait

func (k *kept) Keep(t []isolate.Target) { k.targets = t }

func TestLoop_IsolatesAReportedFaultAndReleasesWhenItIsMended(t *testing.T) {
	foreign := corev1.Taint{Key: "example.com/dedicated", Value: "gpu", Effect: corev1.TaintEffectNoSchedule}
	in(t, 5, func(w *world) {
		w.ChangeNode("n1", func(n *corev1.Node) { n.Spec.Taints = []corev1.Taint{foreign} })
		c := w.leads("a")
		w.Fail("n1", "kubelet")
		sleep(1200 * time.Millisecond) // the next beat vouches for it
		require.Equal(w.T, taint.Mark{Rung: v1alpha1.ActionNoExecute, Reason: v1alpha1.ReasonKubeletNotRunning, Permit: "1.1"}, taint.Of(w.Node("n1")))
		require.Contains(w.T, w.Node("n1").Spec.Taints, foreign)
		l := w.load()
		require.Len(w.T, l.Permits, 1)
		require.Empty(w.T, l.Intents, "it was seen done")
		require.Equal(w.T, "n1", l.Isolations[0].Node)
		require.Equal(w.T, []isolate.Target{{UID: "uid-n1", Node: "n1", Reason: v1alpha1.ReasonKubeletNotRunning, Deadline: 30 * time.Second}}, c.kept.targets)

		w.Mend("n1", "kubelet")
		sleep(59 * time.Second)
		require.NotEmpty(w.T, w.isolated("n1"), "not yet healthy for a minute")
		sleep(4 * time.Second)
		require.Empty(w.T, w.isolated("n1"))
		require.Equal(w.T, []corev1.Taint{foreign}, w.Node("n1").Spec.Taints)
		require.NotContains(w.T, w.Node("n1").Annotations, v1alpha1.AnnotationOwnedTaint)
		l = w.load()
		require.Empty(w.T, l.Isolations)
		require.Len(w.T, l.Permits, 1, "the permit stays spent until its window ends")
		require.Empty(w.T, c.kept.targets)
	})
}

func TestLoop_IsolatesADeadNodeOnlyAfterItsKubeletsOwnRenewalIsOverdue(t *testing.T) {
	in(t, 5, func(w *world) {
		w.leads("a")
		sleep(4 * time.Second) // its kubelet has just renewed
		w.Kill("n1")
		sleep(8 * time.Second)
		require.Empty(w.T, w.isolated("n1"))
		sleep(8 * time.Second)
		require.Equal(w.T, v1alpha1.ReasonNodeDown, taint.Of(w.Node("n1")).Reason)
	})
}

func TestLoop_TheSecondFaultInsideTheWindowIsWithheldAndSaidOnce(t *testing.T) {
	in(t, 5, func(w *world) {
		w.SetPolicy("default", func(p *v1alpha1.NodeIsolationPolicySpec) { p.Budget.Window.Duration = 2 * time.Minute })
		w.leads("a")
		w.Fail("n1", "kubelet")
		sleep(2 * time.Second)
		w.Fail("n2", "containerd")
		sleep(time.Minute)
		require.Equal(w.T, []string{"n1"}, w.isolated("n1", "n2"))
		withheld := 0
		for _, e := range w.told() {
			if len(e) > 30 && e[:25] == "Warning IsolationWithheld" {
				withheld++
			}
		}
		require.LessOrEqual(w.T, withheld, 3, "once per brake that is most telling, and not each pass")
		require.Positive(w.T, withheld)
		sleep(90 * time.Second)
		require.Equal(w.T, []string{"n1"}, w.isolated("n1", "n2"), "the first is isolated still, so its place is taken beyond the window")
		w.Mend("n1", "kubelet")
		sleep(2 * time.Minute)
		require.Equal(w.T, []string{"n2"}, w.isolated("n1", "n2"), "decided afresh")
	})
}

func TestLoop_OurTaintRemovedByHandIsARelease(t *testing.T) {
	in(t, 5, func(w *world) {
		w.SetPolicy("default", func(p *v1alpha1.NodeIsolationPolicySpec) { p.Budget.Window.Duration = 2 * time.Minute })
		w.leads("a")
		w.Fail("n1", "kubelet")
		sleep(2 * time.Second)
		require.NotEmpty(w.T, w.isolated("n1"))
		w.ChangeNode("n1", func(n *corev1.Node) { n.Spec.Taints = nil })
		sleep(110 * time.Second)
		require.Empty(w.T, w.Node("n1").Spec.Taints, "the node is left alone")
		require.NotContains(w.T, w.Node("n1").Annotations, v1alpha1.AnnotationOwnedTaint, "the record does not outlive the taint")
		require.Contains(w.T, w.told(), "Normal ReleasedByHand Somebody removed our taint; the node is left alone for 2m0s unless a person asks.")
		w.Intend("n1", v1alpha1.IntentIsolate)
		sleep(time.Second)
		require.NotEmpty(w.T, w.isolated("n1"), "a person asks")
	})
}

func TestLoop_ALockThatAppearsBetweenDecidingAndActingCancels(t *testing.T) {
	in(t, 5, func(w *world) {
		store := &hooked{Store: w.ledger.Open()}
		w.lead("a", store)
		store.afterIntent(func() { w.Lock("stop", time.Time{}) })
		w.Fail("n1", "kubelet")
		sleep(5 * time.Second)
		require.Empty(w.T, w.Node("n1").Spec.Taints)
		l := w.load()
		require.Empty(w.T, l.Intents)
		require.True(w.T, l.Permits[0].Cancelled, "it stays spent")
		require.Contains(w.T, w.told(), "Normal IsolationCancelled NoExecute for KubeletNotRunning was decided and not done: ProtectionLock stop of kim was created: maintenance")
	})
}

func TestLoop_EvidenceThatChangesBetweenDecidingAndActingCancels(t *testing.T) {
	tests := []struct {
		name   string
		change func(w *world)
		why    string
	}{
		{"the check recovered", func(w *world) { w.Mend("n1", "kubelet") }, "no longer failing"},
		{"a person protects the node", func(w *world) { w.Intend("n1", v1alpha1.IntentProtect) }, "Protect"},
		{"the node is being taken away", func(w *world) {
			w.ChangeNode("n1", func(n *corev1.Node) { n.Spec.Taints = []corev1.Taint{{Key: "karpenter.sh/disrupted"}} })
		}, "karpenter"},
		{"another Node has its name", func(w *world) { w.ChangeNode("n1", func(n *corev1.Node) { n.UID = "another" }) }, "replaced"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in(t, 5, func(w *world) {
				store := &hooked{Store: w.ledger.Open()}
				w.lead("a", store)
				store.afterIntent(func() { test.change(w) })
				w.Fail("n1", "kubelet")
				sleep(3 * time.Second)
				require.Empty(w.T, w.isolated("n1"))
				require.Empty(w.T, w.load().Intents)
				found := false
				for _, e := range w.told() {
					found = found || (len(e) > 25 && e[:25] == "Normal IsolationCancelled")
				}
				require.True(w.T, found)
			})
		})
	}
}

// The watch has brought the renewal by the time everything is read again: what was decided on is older.
func TestLoop_AKubeletThatRenewsBetweenDecidingAndActingCancels(t *testing.T) {
	in(t, 5, func(w *world) {
		store := &hooked{Store: w.ledger.Open()}
		w.lead("a", store)
		store.afterIntent(func() { w.Renew("n1"); sleepBriefly() })
		w.Kill("n1")
		sleep(20 * time.Second)
		require.Empty(w.T, w.isolated("n1"), "its kubelet lives")
		require.Contains(w.T, w.told(), "Normal IsolationCancelled NoExecute for NodeDown was decided and not done: its kubelet renewed its Lease")
	})
}

// sleepBriefly lets a watch deliver, from within a pass.
func sleepBriefly() { time.Sleep(50 * time.Millisecond) }

// A leader that never got the ledger releases all the same, and does not take it for somebody else's doing later.
func TestLoop_AReleaseBeforeTheLedgerWasOursIsOurOwn(t *testing.T) {
	in(t, 5, func(w *world) {
		a := w.leads("a")
		w.Fail("n1", "kubelet")
		sleep(2 * time.Second)
		require.NotEmpty(w.T, w.isolated("n1"))
		a.stop()
		w.Mend("n1", "kubelet")
		store := &hooked{Store: w.ledger.Open()}
		store.broken.Store(true)
		w.lead("b", store)
		sleep(70 * time.Second)
		require.Empty(w.T, w.isolated("n1"), "released")
		store.broken.Store(false)
		sleep(5 * time.Second)
		require.Empty(w.T, w.load().Isolations, "and not remembered as released by hand")
		for _, e := range w.told() {
			require.NotContains(w.T, e, "ReleasedByHand")
		}
	})
}

func TestLoop_WithoutASavedLedgerNothingIsIsolatedAndReleasesGoOn(t *testing.T) {
	in(t, 10, func(w *world) {
		store := &hooked{Store: w.ledger.Open()}
		w.SetPolicy("default", func(p *v1alpha1.NodeIsolationPolicySpec) { p.Budget.MaxIsolatedPercent = 30 })
		w.lead("a", store)
		w.Fail("n1", "kubelet")
		sleep(12 * time.Second) // longer than the pace
		require.NotEmpty(w.T, w.isolated("n1"))
		w.Mend("n1", "kubelet")
		sleep(50 * time.Second)
		store.broken.Store(true)
		w.Fail("n2", "containerd")
		sleep(time.Minute)
		require.Empty(w.T, w.isolated("n1", "n2"), "released; not isolated")
		store.broken.Store(false)
		sleep(5 * time.Second)
		require.Equal(w.T, []string{"n2"}, w.isolated("n1", "n2"))
		for _, i := range w.load().Isolations {
			require.True(w.T, i.InForce(), "our own release was not taken for somebody else's")
		}
	})
}

func TestLoop_ALedgerWrittenByAPersonEndsThePassAndIsLoadedAgain(t *testing.T) {
	in(t, 5, func(w *world) {
		store := &hooked{Store: w.ledger.Open()}
		c := w.lead("a", store)
		store.beforeIntent(func() {
			other := w.ledger.Open()
			found, seen, err := other.Load(w.ctx)
			require.NoError(w.T, err)
			found.History = append(found.History, protect.Past{Node: "n9", At: time.Now()})
			_, err = other.Save(w.ctx, found, seen)
			require.NoError(w.T, err)
		})
		w.Fail("n1", "kubelet")
		sleep(2 * time.Second)
		require.NotEmpty(w.T, w.isolated("n1"), "the next pass decided on what was there")
		require.Len(w.T, w.load().History, 2)
		require.Empty(w.T, c.ended)
	})
}

func TestLoop_ADeletedLedgerIsWrittenAgainWithItsPermits(t *testing.T) {
	in(t, 5, func(w *world) {
		w.leads("a")
		w.Fail("n1", "kubelet")
		sleep(2 * time.Second)
		before := w.load()
		w.ledger.Delete()
		w.Fail("n2", "containerd")
		sleep(15 * time.Second)
		require.Equal(w.T, []string{"n1"}, w.isolated("n1", "n2"), "a lost ledger is no new budget")
		require.Equal(w.T, before.Permits, w.load().Permits)
	})
}

func TestLoop_ALaterLeaderEndsAnEarlierOne(t *testing.T) {
	in(t, 5, func(w *world) {
		a := w.leads("a")
		b := w.leads("b")
		w.Fail("n1", "kubelet")
		sleep(2 * time.Second)
		require.ErrorIs(w.T, <-a.ended, loop.ErrSuperseded)
		require.Empty(w.T, b.ended)
		require.Equal(w.T, "2.1", taint.Of(w.Node("n1")).Permit)
	})
}

func TestLoop_AnOldLeaderWhosePatchFailedDoesNotTryAgainUnderANewOne(t *testing.T) {
	in(t, 5, func(w *world) {
		var patches atomic.Int32
		w.Kube.PrependReactor("patch", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
			patches.Add(1)
			return true, nil, errors.New("the API server is overloaded")
		})
		a := w.leads("a")
		w.Fail("n1", "kubelet")
		sleep(1200 * time.Millisecond)
		require.Positive(w.T, patches.Load())
		require.Len(w.T, w.load().Intents, 1, "it is owed")

		other := w.ledger.Open() // a new leader, which has not acted yet
		found, seen, err := other.Load(w.ctx)
		require.NoError(w.T, err)
		_, err = other.Save(w.ctx, found.Lead("b"), seen)
		require.NoError(w.T, err)
		before := patches.Load()
		require.ErrorIs(w.T, <-a.ended, loop.ErrSuperseded)
		require.Equal(w.T, before, patches.Load())
	})
}

func TestLoop_ANewLeaderFinishesWhatTheOldOneRecorded(t *testing.T) {
	in(t, 5, func(w *world) {
		var broken atomic.Bool
		broken.Store(true)
		w.Kube.PrependReactor("patch", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
			return broken.Load(), nil, errors.New("the API server is overloaded")
		})
		a := w.leads("a")
		w.Fail("n1", "kubelet")
		sleep(1200 * time.Millisecond)
		a.stop()
		require.NoError(w.T, <-a.ended)
		broken.Store(false)
		w.leads("b")
		require.Equal(w.T, "1.1", taint.Of(w.Node("n1")).Permit, "under the permit that was spent")
		require.Len(w.T, w.load().Permits, 1, "and no second one")
		require.EqualValues(w.T, 2, w.load().Epoch)
	})
}

func TestLoop_WhileBlindNothingIsIsolated(t *testing.T) {
	in(t, 5, func(w *world) {
		w.leads("a")
		w.Deafen()
		w.Kill("n1")
		sleep(time.Minute)
		require.Empty(w.T, w.isolated("n1"))
		w.Hear()
		sleep(5 * time.Second)
		require.Empty(w.T, w.isolated("n1"), "it has a fresh start")
		sleep(15 * time.Second)
		require.Equal(w.T, []string{"n1"}, w.isolated("n1"))
	})
}

func TestLoop_TwoLoopsOnOneLedgerNeverExceedTheBudget(t *testing.T) {
	in(t, 10, func(w *world) {
		w.SetPolicy("default", func(p *v1alpha1.NodeIsolationPolicySpec) {
			p.Budget.MaxIsolatedPercent, p.Budget.MaxUnavailablePercent = 20, 50
			p.Budget.Pace.Duration = 0
			p.Thresholds.CorrelationPercent, p.Thresholds.StormPercent, p.Thresholds.StormZonePercent = 100, 100, 100
		})
		names := []string{"n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"}
		controllers := []*controller{w.leads("a"), w.leads("b")}
		for i, name := range names {
			w.Fail(name, "kubelet")
			sleep(300 * time.Millisecond)
			if i%2 == 1 { // whoever was superseded leads again, against the other
				for j, c := range controllers {
					select {
					case err := <-c.ended:
						require.ErrorIs(w.T, err, loop.ErrSuperseded)
						c.stop()
						controllers[j] = w.leads("again")
					default:
					}
				}
			}
			require.LessOrEqual(w.T, len(w.isolated(names...)), 2)
		}
		sleep(time.Minute)
		require.Len(w.T, w.isolated(names...), 2)
		require.Len(w.T, w.load().Permits, 2)
	})
}

// hooked is a store that others may interfere with.
type hooked struct {
	ledgerstore.Store
	broken atomic.Bool

	mu     sync.Mutex // guards both
	before func()     // called once, before the first save of an intent
	after  func()     // called once, after it
}

func (h *hooked) beforeIntent(do func()) { h.mu.Lock(); defer h.mu.Unlock(); h.before = do }
func (h *hooked) afterIntent(do func())  { h.mu.Lock(); defer h.mu.Unlock(); h.after = do }

func (h *hooked) take(l protect.Ledger, hook *func()) func() {
	h.mu.Lock()
	defer h.mu.Unlock()
	do := *hook
	if do == nil || len(l.Intents) == 0 {
		return func() {}
	}
	*hook = nil
	return do
}

func (h *hooked) Load(ctx context.Context) (protect.Ledger, ledgerstore.Version, error) {
	if h.broken.Load() {
		return protect.Ledger{}, "", errors.New("etcd has no leader")
	}
	return h.Store.Load(ctx)
}

func (h *hooked) Save(ctx context.Context, l protect.Ledger, seen ledgerstore.Version) (ledgerstore.Version, error) {
	if h.broken.Load() {
		return "", errors.New("etcd has no leader")
	}
	h.take(l, &h.before)()
	v, err := h.Store.Save(ctx, l, seen)
	if err == nil {
		h.take(l, &h.after)()
	}
	return v, err
}
