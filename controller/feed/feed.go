// Package feed keeps the newest of every object of one kind, as a watch brings them.
//
// Guarantees: changed is called in the order of the watch, from one goroutine, after the feed shows the change; after a
// break the feed lists again and calls changed for what differs; a kind that cannot be read is told by Err until it can.
//
// It is a client-go reflector with a store of our own: an informer's backoff reaches a minute after an outage, and a
// controller that is blind for a minute longer than it must be protects nobody. Objects must not be changed.
package feed

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// Lister lists and watches one kind: a typed client of client-go.
type Lister[L runtime.Object] interface {
	List(ctx context.Context, o metav1.ListOptions) (L, error)
	Watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error)
}

// Object is a pointer to an API object.
type Object interface {
	metav1.Object
	runtime.Object
	comparable
}

// A Feed keeps the newest of every object of one kind. All methods may be called concurrently.
type Feed[T Object] struct {
	kind    string
	watched cache.ListerWatcher
	changed func(old, now T)

	mu      sync.Mutex // guards everything below
	objects map[string]T
	synced  bool
	err     error
}

// New is a feed of one kind; kind is its resource's name, for messages. client is what the lister came from. changed
// is called with the object before and after; the one that does not exist is nil.
func New[T Object, L runtime.Object](kind string, l Lister[L], client any, changed func(old, now T)) *Feed[T] {
	f := &Feed[T]{kind: kind, changed: changed, objects: map[string]T{}}
	f.watched = cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			list, err := l.List(ctx, o)
			return list, f.note(ctx, err)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			w, err := l.Watch(ctx, o)
			return w, f.note(ctx, err)
		},
	}, client)
	return f
}

// Run follows the kind until ctx ends.
func (f *Feed[T]) Run(ctx context.Context) error {
	var example T
	options := cache.ReflectorOptions{
		Name: f.kind,
		// At most 2 s between attempts: blindness lasts at least as long as the pause.
		Backoff: &wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Steps: 5, Cap: 2 * time.Second, Jitter: 0.5},
	}
	cache.NewReflectorWithOptions(f.watched, newOf(example), store[T]{f}, options).RunWithContext(ctx)
	return nil
}

// Get returns the newest of the object under a key, name or namespace/name.
func (f *Feed[T]) Get(key string) (T, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, ok := f.objects[key]
	return o, ok
}

// All returns the newest of every object, in no order.
func (f *Feed[T]) All() []T {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]T, 0, len(f.objects))
	for _, o := range f.objects {
		all = append(all, o)
	}
	return all
}

// Synced says that the feed was listed in full at least once.
func (f *Feed[T]) Synced() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.synced
}

// Err says why the kind cannot be read now, nil if it can.
func (f *Feed[T]) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.err != nil:
		return fmt.Errorf("reading %s: %w", f.kind, f.err)
	case !f.synced:
		return fmt.Errorf("reading %s: not listed yet", f.kind)
	}
	return nil
}

func (f *Feed[T]) note(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err // we are stopping
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	return err
}

func (f *Feed[T]) set(o T) {
	o.SetManagedFields(nil)
	key := keyOf(o)
	f.mu.Lock()
	old := f.objects[key]
	f.objects[key] = o
	f.mu.Unlock()
	f.changed(old, o)
}

func (f *Feed[T]) remove(key string) {
	f.mu.Lock()
	old, known := f.objects[key]
	delete(f.objects, key)
	f.mu.Unlock()
	if known {
		var none T
		f.changed(old, none)
	}
}

func (f *Feed[T]) keys() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	keys := make([]string, 0, len(f.objects))
	for key := range f.objects {
		keys = append(keys, key)
	}
	return keys
}

func keyOf(o metav1.Object) string {
	return cache.MetaObjectToName(o).String()
}
