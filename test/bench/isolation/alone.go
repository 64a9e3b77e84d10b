package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// longest is how long Kubernetes is waited for: it misses a node after 40 to 50 s and evicts 300 s later.
const longest = 8 * time.Minute

// kubernetesAlone does every fault at once, each to a node of its own, without Bulkhead. Each node is a zone, so none of
// them slows the eviction of another.
func (e *environment) kubernetesAlone(ctx context.Context, faults []fault) (map[string]times, error) {
	ctx, cancel := context.WithTimeout(ctx, longest+3*time.Minute)
	defer cancel()
	var err error
	if e.view, err = observe.Start(ctx, e.kube, nil); err != nil {
		return nil, err
	}
	if err := e.awaitWell(ctx); err != nil {
		return nil, err
	}
	if err := hello.Spread(ctx, e.kube, e.view); err != nil {
		return nil, err
	}
	fmt.Printf("Kubernetes alone: %d faults at once, up to %s\n", len(faults), longest)

	var mu sync.Mutex // guards everything below
	out, problems := map[string]times{}, []error{}
	var all sync.WaitGroup
	var victims []string
	originals := e.view.Now().PodsOf(hello.Namespace, hello.App)
	for i, f := range faults {
		node := victim(i)
		victims = append(victims, node)
		pods := hello.On(e.view.Now(), node)
		at, err := e.bed.Fault(ctx, f.verb, node, f.args...)
		if err != nil {
			return nil, err
		}
		all.Go(func() {
			t, err := e.measure(ctx, at, moments{
				shown: notReady(node), taint: theirTaint(node), leaving: observe.Leaving(pods), ready: replaced(pods, originals),
			}, longest)
			mu.Lock()
			defer mu.Unlock()
			if out[f.name] = t; err != nil {
				problems = append(problems, err)
			}
			fmt.Printf("%-18s alone %s  %s\n", f.name, node, t)
		})
	}
	all.Wait()
	for i, f := range faults {
		if _, err := e.bed.Fault(ctx, f.undo, victims[i], f.args...); err != nil {
			return nil, err
		}
	}
	if len(problems) > 0 {
		return nil, problems[0]
	}
	return out, e.awaitWell(ctx)
}

func notReady(node string) observe.Condition {
	return func(s observe.State) error {
		if observe.IsReady(s.Nodes[node]) {
			return fmt.Errorf("%s is Ready", node)
		}
		return nil
	}
}

// theirTaint is the one that makes Kubernetes evict.
func theirTaint(node string) observe.Condition {
	return func(s observe.State) error {
		if n := s.Nodes[node]; n == nil || !slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool {
			return t.Effect == corev1.TaintEffectNoExecute && (t.Key == corev1.TaintNodeNotReady || t.Key == corev1.TaintNodeUnreachable)
		}) {
			return fmt.Errorf("%s has no NoExecute taint of Kubernetes", node)
		}
		return nil
	}
}

// replaced: these pods were asked to leave, and there is a new Ready pod for every one of the workload that was so far.
func replaced(pods, originals []*corev1.Pod) observe.Condition {
	return func(s observe.State) error {
		if err := observe.Leaving(pods)(s); err != nil {
			return err
		}
		there, missing := map[types.UID]bool{}, 0
		for _, p := range originals {
			there[p.UID] = true
			if observe.Leaving([]*corev1.Pod{p})(s) == nil {
				missing++
			}
		}
		fresh := 0
		for _, p := range s.PodsOf(hello.Namespace, hello.App) {
			if !there[p.UID] && observe.IsPodReady(p) {
				fresh++
			}
		}
		if fresh < missing {
			return fmt.Errorf("%d of %d replacements are Ready", fresh, missing)
		}
		return nil
	}
}
