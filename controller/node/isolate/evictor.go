package isolate

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

const (
	// maxStaying bounds the list of pods that stay, as NodeHealth does.
	maxStaying = 20
	// callTimeout bounds one call; a node's list of 110 pods takes milliseconds.
	callTimeout = 5 * time.Second
	// lookAgain is the pause while pods are left, lookSlowly when none is: a pod may still be bound to the node by name.
	lookAgain  = time.Second
	lookSlowly = 10 * time.Second
	// together is how many evictions are under way at once: at 50 a second and 20 ms each, one would do.
	together = 8
)

// Target is a node to keep empty.
type Target struct {
	UID, Node string
	Reason    v1alpha1.Reason // the value of our taint
	// Deadline is how long a pod may be held by its PodDisruptionBudget.
	Deadline time.Duration
}

// Progress is how far a node was emptied.
type Progress struct {
	Evicted int      // pods we asked to leave
	Held    int      // pods that a PodDisruptionBudget holds
	Staying []string // namespace/name, at most maxStaying, sorted
}

// An Evictor empties nodes at its own pace. All methods may be called concurrently.
type Evictor struct {
	kube    kubernetes.Interface
	pace    *rate.Limiter
	log     *slog.Logger
	changed func()
	counted func(outcome string)
	wake    chan struct{}

	mu    sync.Mutex // guards everything below
	nodes map[string]*emptying
}

// emptying is one node being emptied. Whose it is never changes; Keep writes the rest of Target and Run's goroutine what
// is below it, both under mu.
type emptying struct {
	Target
	next     time.Time            // when to look at it again
	first    map[string]time.Time // by pod UID: when we first asked
	asked    map[string]bool      // by pod UID: agreed to leave
	progress Progress
}

// NewEvictor evicts perSecond pods in all. changed is called when some node's Progress did; counted with every outcome:
// evicted, held, deleted or error.
func NewEvictor(kube kubernetes.Interface, perSecond int, log *slog.Logger, changed func(), counted func(string)) *Evictor {
	return &Evictor{
		kube: kube, pace: rate.NewLimiter(rate.Limit(perSecond), max(1, perSecond/10)), log: log,
		changed: changed, counted: counted, wake: make(chan struct{}, 1), nodes: map[string]*emptying{},
	}
}

// Keep says which nodes to keep empty from now on. Those not named are left alone at once.
func (e *Evictor) Keep(targets []Target) {
	e.mu.Lock()
	defer e.mu.Unlock()
	kept := make(map[string]bool, len(targets))
	for _, t := range targets {
		kept[t.UID] = true
		if old := e.nodes[t.UID]; old != nil {
			old.Reason, old.Deadline = t.Reason, t.Deadline
			continue
		}
		e.nodes[t.UID] = &emptying{Target: t, first: map[string]time.Time{}, asked: map[string]bool{}}
		select {
		case e.wake <- struct{}{}:
		default:
		}
	}
	maps.DeleteFunc(e.nodes, func(uid string, _ *emptying) bool { return !kept[uid] })
}

// Progress of a node, zero if it is not being emptied.
func (e *Evictor) Progress(uid string) Progress {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := e.nodes[uid]; n != nil {
		return n.progress
	}
	return Progress{}
}

// Run evicts until ctx ends.
func (e *Evictor) Run(ctx context.Context) error {
	ticker := time.NewTicker(lookAgain / 4)
	defer ticker.Stop()
	for {
		for _, n := range e.due(time.Now()) {
			e.look(ctx, n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.wake:
		case <-ticker.C:
		}
	}
}

func (e *Evictor) due(now time.Time) []*emptying {
	e.mu.Lock()
	defer e.mu.Unlock()
	var due []*emptying
	for _, uid := range slices.Sorted(maps.Keys(e.nodes)) {
		if n := e.nodes[uid]; !now.Before(n.next) {
			due = append(due, n)
		}
	}
	return due
}

// isKept says that the node is still to be emptied. It is asked before every eviction, so that a release stops them.
func (e *Evictor) isKept(n *emptying) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.nodes[n.UID] == n
}

// look lists the node's pods and asks those that must leave.
func (e *Evictor) look(ctx context.Context, n *emptying) {
	pods, err := e.podsOf(ctx, n.Node)
	if err != nil {
		e.log.Error("cannot list the pods of an isolated node, trying again", "node", n.Node, "err", err)
		e.lookAt(n, lookAgain)
		return
	}
	ours := e.taintOn(n)
	var stay []string
	var leave []*corev1.Pod
	for i := range pods {
		switch p := &pods[i]; fateOf(p, ours) {
		case staying:
			stay = append(stay, p.Namespace+"/"+p.Name)
		case leaving:
			leave = append(leave, p)
		case ignored:
		}
	}
	slices.Sort(stay)
	e.show(n, func(p *Progress) { p.Staying = stay[:min(len(stay), maxStaying)] })
	e.evictAll(ctx, n, leave)
	if len(leave) > 0 {
		e.lookAt(n, lookAgain)
	} else {
		e.lookAt(n, lookSlowly)
	}
}

func (e *Evictor) evictAll(ctx context.Context, n *emptying, pods []*corev1.Pod) {
	var mu sync.Mutex
	held := 0
	var g errgroup.Group
	g.SetLimit(together)
	for _, p := range pods {
		if e.pace.Wait(ctx) != nil || !e.isKept(n) {
			break
		}
		g.Go(func() error {
			if e.evict(ctx, n, p) {
				mu.Lock()
				held++
				mu.Unlock()
			}
			return nil
		})
	}
	_ = g.Wait()
	e.show(n, func(p *Progress) { p.Held = held })
}

func (e *Evictor) podsOf(ctx context.Context, node string) ([]corev1.Pod, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	list, err := e.kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("spec.nodeName", node).String(),
	})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

func (e *Evictor) taintOn(n *emptying) corev1.Taint {
	e.mu.Lock()
	defer e.mu.Unlock()
	return taintFor(n.Reason)
}

func (e *Evictor) lookAt(n *emptying, in time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n.next = time.Now().Add(in)
}

// show changes the progress of a node and tells if it is another.
func (e *Evictor) show(n *emptying, change func(*Progress)) {
	e.mu.Lock()
	before := n.progress
	change(&n.progress)
	same := before.Evicted == n.progress.Evicted && before.Held == n.progress.Held && slices.Equal(before.Staying, n.progress.Staying)
	e.mu.Unlock()
	if !same {
		e.changed()
	}
}
