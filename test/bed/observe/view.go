package observe

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// A View follows a cluster until its context ends. All methods may be called concurrently.
type View struct {
	mu      sync.Mutex // guards everything below
	state   State
	waiting map[*waiter]bool
}

// A waiter has its condition judged at each change, so that no state passes it by unseen.
type waiter struct {
	condition Condition
	isOver    func(error) bool // by what the condition said
	last      error
	at        time.Time
	over      chan struct{} // closed when isOver
}

func newView() *View {
	return &View{waiting: map[*waiter]bool{}, state: State{
		At: time.Now(), Nodes: map[string]*corev1.Node{}, NodeHealths: map[string]*v1alpha1.NodeHealth{},
		Pods: map[string]*corev1.Pod{}, Leases: map[string]*coordinationv1.Lease{}, Events: map[string]*eventsv1.Event{},
	}}
}

// Start watches nodes, pods, Leases, Events and, if bulkhead is not nil, what is ours. It returns once all of them have
// been listed.
func Start(ctx context.Context, kube kubernetes.Interface, bulkhead client.Interface) (*View, error) {
	v := newView()
	core, all := kube.CoreV1(), metav1.NamespaceAll
	watches := []cache.Controller{
		follow(v, func(s *State) map[string]*corev1.Node { return s.Nodes }, core.Nodes().List, core.Nodes().Watch),
		follow(v, func(s *State) map[string]*corev1.Pod { return s.Pods }, core.Pods(all).List, core.Pods(all).Watch),
		follow(v, func(s *State) map[string]*coordinationv1.Lease { return s.Leases },
			kube.CoordinationV1().Leases(v1alpha1.SystemNamespace).List, kube.CoordinationV1().Leases(v1alpha1.SystemNamespace).Watch),
		follow(v, func(s *State) map[string]*eventsv1.Event { return s.Events },
			kube.EventsV1().Events(all).List, kube.EventsV1().Events(all).Watch),
	}
	if bulkhead != nil {
		ours := bulkhead.BulkheadV1alpha1()
		watches = append(watches,
			follow(v, func(s *State) map[string]*v1alpha1.NodeHealth { return s.NodeHealths }, ours.NodeHealths().List, ours.NodeHealths().Watch),
			followLedger(v, ours.IsolationLedgers().List, ours.IsolationLedgers().Watch))
	}
	for _, w := range watches {
		go w.RunWithContext(ctx)
	}
	for _, w := range watches {
		if !cache.WaitForCacheSync(ctx.Done(), w.HasSynced) {
			return nil, fmt.Errorf("listing the cluster: %w", context.Cause(ctx))
		}
	}
	return v, nil
}

type object interface {
	runtime.Object
	metav1.Object
}

// follow keeps one map of the state as one watch shows it.
func follow[T object, L runtime.Object](v *View, of func(*State) map[string]T,
	list func(context.Context, metav1.ListOptions) (L, error),
	open func(context.Context, metav1.ListOptions) (watch.Interface, error),
) cache.Controller {
	return informer[T](list, open, func(key string, o T, there bool) {
		v.change(func(s *State) {
			if there {
				of(s)[key] = o
			} else {
				delete(of(s), key)
			}
		})
	})
}

func followLedger[L runtime.Object](v *View,
	list func(context.Context, metav1.ListOptions) (L, error),
	open func(context.Context, metav1.ListOptions) (watch.Interface, error),
) cache.Controller {
	return informer[*v1alpha1.IsolationLedger](list, open, func(_ string, o *v1alpha1.IsolationLedger, there bool) {
		v.change(func(s *State) {
			if s.Ledger = o; !there {
				s.Ledger = nil
			}
		})
	})
}

func informer[T object, L runtime.Object](
	list func(context.Context, metav1.ListOptions) (L, error),
	open func(context.Context, metav1.ListOptions) (watch.Interface, error),
	note func(key string, o T, there bool),
) cache.Controller {
	var example T
	seen := func(o any, there bool) {
		if gone, isTombstone := o.(cache.DeletedFinalStateUnknown); isTombstone {
			o = gone.Obj
		}
		if t, ok := o.(T); ok {
			note(cache.MetaObjectToName(t).String(), t, there)
		}
	}
	_, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: &cache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return list(ctx, o) },
			WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				return open(ctx, o)
			},
		},
		ObjectType: example,
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(o any) { seen(o, true) },
			UpdateFunc: func(_, o any) { seen(o, true) },
			DeleteFunc: func(o any) { seen(o, false) },
		},
	})
	return controller
}

func (v *View) change(how func(*State)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	how(&v.state)
	v.state.At = time.Now()
	for w := range v.waiting {
		v.judge(w)
	}
}

// judge needs mu.
func (v *View) judge(w *waiter) {
	if w.last, w.at = w.condition(v.state), v.state.At; w.isOver(w.last) {
		delete(v.waiting, w)
		close(w.over)
	}
}

func (v *View) wait(c Condition, isOver func(error) bool) *waiter {
	w := &waiter{condition: c, isOver: isOver, over: make(chan struct{})}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting[w] = true
	v.judge(w)
	return w
}

// giveUp ends a waiter and returns what its condition said last.
func (v *View) giveUp(w *waiter) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.waiting, w)
	return w.last
}

// Now is the state by now.
func (v *View) Now() State {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.state
	s.Nodes, s.NodeHealths, s.Pods = maps.Clone(s.Nodes), maps.Clone(s.NodeHealths), maps.Clone(s.Pods)
	s.Leases, s.Events = maps.Clone(s.Leases), maps.Clone(s.Events)
	return s
}

// Until waits until the condition holds and returns when it was first seen to. When ctx ends first, the error says what
// was still missing. Conditions are called while the view stands still: they must not use it, nor wait.
func (v *View) Until(ctx context.Context, what string, condition Condition) (time.Time, error) {
	w := v.wait(condition, func(err error) bool { return err == nil })
	select {
	case <-w.over:
		return w.at, nil
	case <-ctx.Done():
		if err := v.giveUp(w); err != nil {
			return time.Time{}, fmt.Errorf("waiting for %s: %w\n%s", what, err, v.Now().Summary())
		}
		return w.at, nil
	}
}

// Always watches for a while and returns an error as soon as the condition does not hold, be it for an instant only.
func (v *View) Always(ctx context.Context, during time.Duration, condition Condition) error {
	w := v.wait(condition, func(err error) bool { return err != nil })
	select {
	case <-w.over:
		return fmt.Errorf("%w\n%s", w.last, v.Now().Summary())
	case <-time.After(during):
		return v.giveUp(w)
	case <-ctx.Done():
		_ = v.giveUp(w) // asked to end
		return context.Cause(ctx)
	}
}
