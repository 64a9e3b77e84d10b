package census

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
)

// Reasons of a NodeIsolationPolicy's Accepted condition.
const (
	PolicyInForce     = "InForce"
	PolicyInvalid     = "Invalid"
	PolicySelectsNone = "SelectsNoNode"
	PolicyOverlaps    = "Overlaps"
)

// PolicyState is what became of one NodeIsolationPolicy.
type PolicyState struct {
	Name       string
	Generation int64
	Nodes      int // it decides for
	Accepted   bool
	Reason     string
	Message    string
}

// book holds the policies as they are in force. Of each the last good spec counts, until the object is deleted.
type book struct {
	good     map[string]v1alpha1.NodeIsolationPolicySpec
	policy   decision.Policy
	eviction time.Duration  // Recovery.EvictionDeadline
	ladders  map[string]int // by node name; absent: 0, the default policy's
	states   []PolicyState  // by name
}

// newBook is a book in which initial, its defaults filled in, holds until the default policy was read.
func newBook(initial v1alpha1.NodeIsolationPolicySpec) book {
	initial = *initial.DeepCopy()
	initial.Default()
	b := book{good: map[string]v1alpha1.NodeIsolationPolicySpec{v1alpha1.DefaultPolicyName: initial}}
	b.install(nil, nil)
	return b
}

// compile takes the newest objects in. period is the beat period asked of the nodes.
func (b *book) compile(objects []*v1alpha1.NodeIsolationPolicy, nodes map[string]facts, period time.Duration) {
	slices.SortFunc(objects, func(a, b *v1alpha1.NodeIsolationPolicy) int { return strings.Compare(a.Name, b.Name) })
	present := map[string]bool{v1alpha1.DefaultPolicyName: true} // its last good spec outlives it; it is made again
	b.states = nil
	for _, o := range objects {
		present[o.Name] = true
		spec := *o.Spec.DeepCopy()
		spec.Default()
		state := PolicyState{Name: o.Name, Generation: o.Generation, Accepted: true, Reason: PolicyInForce, Message: "in force"}
		if err := Validate(o.Name, spec, period); err != nil {
			state.Accepted, state.Reason, state.Message = false, PolicyInvalid, err.Error()+"; the last good version stays in force"
			if _, ok := b.good[o.Name]; !ok {
				state.Message = err.Error() + "; there is no good version yet, so it decides for no node"
			}
		} else {
			b.good[o.Name] = spec
		}
		b.states = append(b.states, state)
	}
	for name := range b.good {
		if !present[name] {
			delete(b.good, name)
		}
	}
	b.install(nodes, b.states)
}

// install makes the ladders of the good policies and says which node climbs which. The first policy by name wins.
func (b *book) install(nodes map[string]facts, states []PolicyState) {
	b.policy = decision.Compile(b.good[v1alpha1.DefaultPolicyName])
	b.eviction = b.good[v1alpha1.DefaultPolicyName].Recovery.EvictionDeadline.Duration
	b.ladders = map[string]int{}
	for i := range states {
		s := &states[i]
		spec, good := b.good[s.Name]
		switch {
		case s.Name == v1alpha1.DefaultPolicyName:
		case good:
			b.policy.Ladders = append(b.policy.Ladders, decision.LadderOf(s.Name, spec))
			b.selectNodes(s, spec, nodes)
		}
	}
	for i := range states {
		if states[i].Name == v1alpha1.DefaultPolicyName {
			states[i].Nodes = len(nodes) - len(b.ladders)
		}
	}
}

// selectNodes gives the newest ladder its nodes, and says in the policy's state what is odd about them.
func (b *book) selectNodes(s *PolicyState, spec v1alpha1.NodeIsolationPolicySpec, nodes map[string]facts) {
	selector, err := metav1.LabelSelectorAsSelector(spec.NodeSelector)
	if err != nil {
		return // Validate keeps such a spec out
	}
	newest := len(b.policy.Ladders) - 1
	var taken []*corev1.Node
	for name, f := range nodes {
		if !selector.Matches(labels.Set(f.node.Labels)) {
			continue
		}
		if _, ok := b.ladders[name]; ok {
			taken = append(taken, f.node)
			continue
		}
		b.ladders[name] = newest
		s.Nodes++
	}
	switch {
	case !s.Accepted:
	case s.Nodes == 0 && len(taken) == 0:
		s.Accepted, s.Reason = false, PolicySelectsNone
		s.Message = fmt.Sprintf("spec.nodeSelector %q matches none of %d nodes; check the labels with kubectl get nodes --show-labels", selector, len(nodes))
	case len(taken) > 0:
		first := slices.MinFunc(taken, func(a, b *corev1.Node) int { return strings.Compare(a.Name, b.Name) })
		s.Accepted, s.Reason = s.Nodes > 0, PolicyOverlaps
		s.Message = fmt.Sprintf("%d of its nodes, %s first, are selected by policy %s too, which comes first by name and decides for them",
			len(taken), first.Name, b.policy.Ladders[b.ladders[first.Name]].Policy)
	}
}

// Validate says what makes no sense in a spec whose defaults are filled in. The CRD's own rules catch most of it; this
// is for what they cannot know, and for objects that are older than the rules.
func Validate(name string, s v1alpha1.NodeIsolationPolicySpec, period time.Duration) error {
	if name != v1alpha1.DefaultPolicyName {
		selector, err := metav1.LabelSelectorAsSelector(s.NodeSelector)
		if err != nil {
			return fmt.Errorf("spec.nodeSelector: %w", err)
		}
		if s.NodeSelector == nil || selector.Empty() {
			return fmt.Errorf("spec.nodeSelector is empty and would match every node; that is what the policy called %s is for", v1alpha1.DefaultPolicyName)
		}
	}
	for _, d := range []struct {
		path  string
		value time.Duration
		least time.Duration
		why   string
	}{
		{"spec.budget.window", s.Budget.Window.Duration, 3 * period, fmt.Sprintf("is shorter than three heartbeats of %s", period)},
		{"spec.budget.pace", s.Budget.Pace.Duration, 0, "is negative"},
		{"spec.budget.paceNodeDown", s.Budget.PaceNodeDown.Duration, 0, "is negative"},
		{"spec.thresholds.correlationWindow", s.Thresholds.CorrelationWindow.Duration, time.Second, "is shorter than 1s"},
		{"spec.recovery.healthyFor", s.Recovery.HealthyFor.Duration, time.Second, "is shorter than 1s"},
		{"spec.recovery.maxHold", s.Recovery.MaxHold.Duration, 0, "is negative"},
		{"spec.recovery.evictionDeadline", s.Recovery.EvictionDeadline.Duration, 0, "is negative"},
	} {
		if d.value < d.least {
			return fmt.Errorf("%s: %s %s", d.path, d.value, d.why)
		}
	}
	return validateNumbers(s)
}

func validateNumbers(s v1alpha1.NodeIsolationPolicySpec) error {
	if s.Thresholds.MissedBeats < 3 {
		return fmt.Errorf("spec.thresholds.missedBeats: %d is less than 3; one lost packet would make a node suspect", s.Thresholds.MissedBeats)
	}
	for _, p := range []struct {
		path        string
		value       v1alpha1.Percent
		least, most v1alpha1.Percent
	}{
		{"spec.thresholds.stormPercent", s.Thresholds.StormPercent, 1, 100},
		{"spec.thresholds.stormZonePercent", s.Thresholds.StormZonePercent, 1, 100},
		{"spec.thresholds.correlationPercent", s.Thresholds.CorrelationPercent, 1, 100},
		{"spec.thresholds.alivePercent", s.Thresholds.AlivePercent, 50, 100},
		{"spec.budget.maxIsolatedPercent", s.Budget.MaxIsolatedPercent, 1, 50},
		{"spec.budget.maxUnavailablePercent", s.Budget.MaxUnavailablePercent, 1, 100},
	} {
		if p.value < p.least || p.value > p.most {
			return fmt.Errorf("%s: %d is not within %d to %d", p.path, p.value, p.least, p.most)
		}
	}
	return nil
}

// policyNow compiles the book if anything it rests on changed. Needs mu.
func (c *Census) policyNow() {
	if !c.stale {
		return
	}
	c.stale = false
	c.book.compile(c.policies.All(), c.facts, c.o.Period(len(c.facts)))
}

func (c *Census) policyChanged(_, _ *v1alpha1.NodeIsolationPolicy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = true
	c.signal()
}
