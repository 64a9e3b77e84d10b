package publish

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bulkhead-dev/bulkhead/api/client/fake"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/controller/node/isolate"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

var (
	quiet = slog.New(slog.DiscardHandler)
	noon  = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

func isolatedSubject() subject {
	return subject{
		node: decision.Node{Name: "n1", UID: "u1", OwnTaint: v1alpha1.ActionNoExecute, Beat: decision.Beat{Heard: true, At: noon.Add(-5 * time.Second), Next: time.Second}},
		verdict: decision.Verdict{Node: "n1", UID: "u1", State: v1alpha1.NodeDown, Reason: v1alpha1.ReasonNodeDown, Message: "5 beats missed",
			Lease: v1alpha1.LeaseLost, Missed: 5, Since: noon.Add(-time.Second)},
		shown: census.Shown{Holder: "agent-1"}, transport: "lease",
		isolation: &protect.Isolation{UID: "u1", Reason: v1alpha1.ReasonNodeDown, Permit: "1.1", Since: noon, Action: v1alpha1.ActionNoExecute},
		evictions: isolate.Progress{Evicted: 3, Staying: []string{"default/tough"}},
	}
}

func withheldSubject() subject {
	s := isolatedSubject()
	s.node.OwnTaint, s.isolation, s.evictions = "", nil, isolate.Progress{}
	s.withheld = &decision.Withheld{
		Action: decision.Action{Rung: v1alpha1.ActionNoExecute, Reason: v1alpha1.ReasonNodeDown},
		Verdict: protect.Verdict{Held: []protect.Held{
			{By: v1alpha1.BrakeBudgetSpent, Why: "1 of 1 permits are spent", Until: noon.Add(1234567 * time.Millisecond)},
			{By: v1alpha1.BrakePace, Why: "too soon"},
		}},
	}
	return s
}

func TestStatusOf_AnIsolatedNode(t *testing.T) {
	s := statusOf(isolatedSubject(), v1alpha1.NodeHealthStatus{}, noon)
	require.Equal(t, v1alpha1.NodeDown, s.State)
	require.True(t, s.Since.Time.Equal(noon.Add(-time.Second)))
	require.Equal(t, int32(3), s.Lease.DurationSeconds)
	require.Equal(t, v1alpha1.ActionNoExecute, s.Isolation.Action)
	require.Equal(t, "1.1", s.Isolation.Permit)
	require.EqualValues(t, 3, s.Isolation.Evicted)
	require.True(t, meta.IsStatusConditionFalse(s.Conditions, v1alpha1.ConditionHeard))
	require.True(t, meta.IsStatusConditionFalse(s.Conditions, v1alpha1.ConditionHealthy))
	require.True(t, meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionIsolated))
}

func TestStatusOf_AWithheldAction(t *testing.T) {
	w := statusOf(withheldSubject(), v1alpha1.NodeHealthStatus{}, noon).Isolation.Withheld
	require.Equal(t, []v1alpha1.Brake{v1alpha1.BrakeBudgetSpent, v1alpha1.BrakePace}, w.By)
	require.Equal(t, "BudgetSpent until 12:20:35", w.Summary)
	require.Equal(t, "1 of 1 permits are spent; too soon", w.Message)
	require.True(t, w.Until.Time.Equal(noon.Add(1235*time.Second)), "rounded up: never shown too early")
}

func TestStatusOf_KeepsWhatAnEarlierLeaderWroteOfTheSameState(t *testing.T) {
	first := statusOf(isolatedSubject(), v1alpha1.NodeHealthStatus{}, noon)
	later := isolatedSubject()
	later.verdict.Since = noon.Add(time.Hour) // a new leader has just begun to look
	second := statusOf(later, first, noon.Add(time.Hour))
	require.Equal(t, first.Since, second.Since)
	require.Equal(t, first.Conditions, second.Conditions)
}

func TestPatchOf_MentionsEveryFieldButTheAgents(t *testing.T) {
	body, err := patchOf(statusOf(withheldSubject(), v1alpha1.NodeHealthStatus{}, noon))
	require.NoError(t, err)
	var patch struct{ Status map[string]any }
	require.NoError(t, json.Unmarshal(body, &patch))
	require.NotContains(t, patch.Status, "agent")
	for _, field := range []string{"state", "reason", "message", "since", "failing", "lease", "isolation", "conditions"} {
		require.Contains(t, patch.Status, field)
	}
	require.Nil(t, patch.Status["failing"], "an empty field is null, or a merge patch would keep the old one")
	isolation := patch.Status["isolation"].(map[string]any)
	require.Contains(t, isolation, "permit")
	require.Nil(t, isolation["permit"])
}

// shownIn is a fake cluster that a Publisher writes to.
type shownIn struct {
	client *fake.Clientset

	mu     sync.Mutex // guards writes
	writes map[string]int
}

func (c *shownIn) Transport() string { return "lease" }

func (c *shownIn) Health(node string) *v1alpha1.NodeHealth {
	h, err := c.client.BulkheadV1alpha1().NodeHealths().Get(context.Background(), node, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return h
}

func (c *shownIn) PolicyObject(string) *v1alpha1.NodeIsolationPolicy { return nil }

func (c *shownIn) written(node string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes[node]
}

func publishing(t *testing.T, test func(c *shownIn, p *Publisher)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		c := &shownIn{writes: map[string]int{}, client: fake.NewSimpleClientset(&v1alpha1.NodeHealth{
			ObjectMeta: metav1.ObjectMeta{Name: "n1"}, Status: v1alpha1.NodeHealthStatus{Agent: &v1alpha1.AgentStatus{BootID: "b", Sequence: 7}},
		})}
		c.client.PrependReactor("patch", "nodehealths", func(a clienttesting.Action) (bool, runtime.Object, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.writes[a.(clienttesting.PatchAction).GetName()]++
			return false, nil, nil
		})
		p := New(c.client.BulkheadV1alpha1(), c, func(string) isolate.Progress { return isolate.Progress{} }, func(string) {}, quiet)
		go func() { _ = p.Run(ctx) }()
		test(c, p)
		stop()
		synctest.Wait()
	})
}

func passOf(s subject) Pass {
	p := Pass{View: census.View{Shown: map[string]census.Shown{}}}
	p.View.Nodes = []decision.Node{s.node}
	p.Plan.Verdicts = []decision.Verdict{s.verdict}
	if s.withheld != nil {
		w := *s.withheld
		w.UID = s.node.UID
		p.Plan.Withheld = []decision.Withheld{w}
	}
	return p
}

func TestPublisher_WritesChangesAtOnceAndCopiesSlowly(t *testing.T) {
	publishing(t, func(c *shownIn, p *Publisher) {
		s := withheldSubject()
		p.Publish(passOf(s))
		time.Sleep(100 * time.Millisecond)
		require.Equal(t, 1, c.written("n1"))
		require.Equal(t, int64(7), c.Health("n1").Status.Agent.Sequence, "what the agent wrote is left alone")

		for range 29 { // the message and the age of the beat change by the second
			s.verdict.Missed++
			s.verdict.Message += "."
			p.Publish(passOf(s))
			time.Sleep(time.Second)
		}
		require.Equal(t, 1, c.written("n1"))
		time.Sleep(2 * time.Second)
		require.Equal(t, 2, c.written("n1"), "the slow copy")

		s.verdict.State = v1alpha1.NodeAgentDown
		p.Publish(passOf(s))
		time.Sleep(100 * time.Millisecond)
		require.Equal(t, 3, c.written("n1"))
	})
}

func TestMaker_MakesWhatIsMissingOnceAndAsksForAnotherPeriodOnlyWhenItMatters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		client := fake.NewSimpleClientset()
		n := func(name string) *corev1.Node {
			return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name)}}
		}
		w := &wanted{period: 1050 * time.Millisecond, nodes: []census.Wanted{
			{Node: n("fresh")},
			{Node: n("made"), Health: true, LeaseUID: "uid-made"},
			{Node: n("slow"), Health: true, LeaseUID: "uid-slow", Period: 3 * time.Second},
			{Node: n("replaced"), Health: true, LeaseUID: "another"},
		}}
		m := NewMaker(client.BulkheadV1alpha1(), w, w, policySpec(), quiet)
		go func() { _ = m.Run(ctx) }()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"lease fresh", "period slow 1.05s", "lease replaced"}, w.did)
		h, err := client.BulkheadV1alpha1().NodeHealths().Get(ctx, "fresh", metav1.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, types.UID("uid-fresh"), h.OwnerReferences[0].UID)
		p, err := client.BulkheadV1alpha1().NodeIsolationPolicies().Get(ctx, "default", metav1.GetOptions{})
		require.NoError(t, err)
		require.EqualValues(t, 7, p.Spec.Thresholds.MissedBeats)
		stop()
		synctest.Wait()
	})
}

func policySpec() v1alpha1.NodeIsolationPolicySpec {
	var s v1alpha1.NodeIsolationPolicySpec
	s.Thresholds.MissedBeats = 7
	s.Default()
	return s
}

type wanted struct {
	nodes  []census.Wanted
	period time.Duration
	did    []string
}

func (w *wanted) Wanted() ([]census.Wanted, time.Duration) { return w.nodes, w.period }
func (w *wanted) HasDefaultPolicy() (has, known bool)      { return false, true }
func (w *wanted) EnsureLease(_ context.Context, node string, _ types.UID) error {
	w.did = append(w.did, "lease "+node)
	return nil
}

func (w *wanted) SetPeriod(_ context.Context, node string, p time.Duration) error {
	w.did = append(w.did, strings.Join([]string{"period", node, p.String()}, " "))
	return nil
}
