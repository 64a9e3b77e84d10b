package publish

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	typed "github.com/bulkhead-dev/bulkhead/api/client/typed/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
	"github.com/bulkhead-dev/bulkhead/controller/node/isolate"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

const (
	// copyEvery is how often an unchanged status is written again, for LASTBEAT; copiesPerSecond bounds all of them.
	copyEvery       = 30 * time.Second
	copiesPerSecond = 20
	// changesPerSecond bounds the writes for changes: when 5 000 nodes turn Blind at once, the API server must live.
	changesPerSecond = 100
	// sweepEvery is the least time between two comparisons of all nodes.
	sweepEvery = 50 * time.Millisecond
	// writeTimeout bounds one write.
	writeTimeout = 2 * time.Second
	// tryAgain is the pause after a write that failed.
	tryAgain = time.Second
)

// Pass is what one pass of the loop has to show.
type Pass struct {
	View   census.View
	Plan   decision.Plan
	Ledger protect.Ledger
}

// Objects are the NodeHealths and policies as last seen, and how beats travel: census.Census.
type Objects interface {
	Health(node string) *v1alpha1.NodeHealth
	PolicyObject(name string) *v1alpha1.NodeIsolationPolicy
	Transport() string
}

// A Publisher writes statuses in its own time.
type Publisher struct {
	client    typed.BulkheadV1alpha1Interface
	objects   Objects
	evictions func(uid string) isolate.Progress
	counted   func(outcome string)
	log       *slog.Logger
	copies    *rate.Limiter
	changes   *rate.Limiter
	wake      chan struct{}

	written  map[string]*written // by node name; Run's goroutine only
	policies map[string]census.PolicyState

	mu     sync.Mutex // guards newest
	newest *Pass
}

// written is the status of a node as we last wrote or found it.
type written struct {
	uid    string
	status v1alpha1.NodeHealthStatus
	at     time.Time
	retry  time.Time // not before
}

// New is a Publisher. evictions says how far a node was emptied, counted gets the outcome of each write.
func New(client typed.BulkheadV1alpha1Interface, objects Objects, evictions func(uid string) isolate.Progress, counted func(string), log *slog.Logger) *Publisher {
	return &Publisher{
		client: client, objects: objects, evictions: evictions, counted: counted, log: log,
		copies: rate.NewLimiter(copiesPerSecond, 1), changes: rate.NewLimiter(changesPerSecond, changesPerSecond),
		wake: make(chan struct{}, 1), written: map[string]*written{}, policies: map[string]census.PolicyState{},
	}
}

// Publish takes the newest pass, in place of an earlier one that was not yet written. It does not wait.
func (p *Publisher) Publish(pass Pass) {
	p.mu.Lock()
	p.newest = &pass
	p.mu.Unlock()
	p.Wake()
}

// Wake says that something beside the pass changed: the progress of an eviction.
func (p *Publisher) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends.
func (p *Publisher) Run(ctx context.Context) error {
	slow := time.NewTicker(time.Second)
	defer slow.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		case <-slow.C:
		}
		p.mu.Lock()
		pass := p.newest
		p.mu.Unlock()
		if pass != nil {
			p.sweep(ctx, *pass)
		}
		select { // let many passes become one sweep
		case <-ctx.Done():
			return nil
		case <-time.After(sweepEvery):
		}
	}
}

// sweep compares every node with what was written. Changes come first, then the oldest copies.
func (p *Publisher) sweep(ctx context.Context, pass Pass) {
	now := time.Now()
	all := subjects(pass, p.objects.Transport(), p.evictions)
	var old []subject
	for _, s := range all {
		w := p.last(s.node)
		if w == nil || now.Before(w.retry) {
			continue
		}
		if briefOf(factsOf(s)) != briefOf(w.status) {
			if p.changes.Wait(ctx) != nil {
				return
			}
			p.write(ctx, s, w)
		} else if now.Sub(w.at) >= copyEvery {
			old = append(old, s)
		}
	}
	slices.SortFunc(old, func(a, b subject) int { return p.written[a.node.Name].at.Compare(p.written[b.node.Name].at) })
	for _, s := range old {
		if !p.copies.Allow() {
			break // the rest waits for the next sweep, changes go first
		}
		p.write(ctx, s, p.written[s.node.Name])
	}
	p.writePolicies(ctx, pass.View.Policies)
	p.forget(all)
}

// last is what was written for a node; nil while it has no NodeHealth. What another leader wrote is taken over.
func (p *Publisher) last(n decision.Node) *written {
	if w := p.written[n.Name]; w != nil && w.uid == n.UID {
		return w
	}
	h := p.objects.Health(n.Name)
	if h == nil {
		return nil
	}
	w := &written{uid: n.UID, status: h.Status}
	p.written[n.Name] = w
	return w
}

func (p *Publisher) write(ctx context.Context, s subject, w *written) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	now := time.Now()
	status := statusOf(s, w.status, now)
	body, err := patchOf(status)
	if err == nil {
		_, err = p.client.NodeHealths().Patch(ctx, s.node.Name, types.MergePatchType, body, metav1.PatchOptions{}, "status")
	}
	switch {
	case err == nil:
		w.status, w.at = status, now
		p.counted("done")
	case apierrors.IsNotFound(err):
		delete(p.written, s.node.Name) // it is being made again
	default:
		w.retry = now.Add(tryAgain)
		p.counted("error")
		p.log.Warn("cannot write a node's status, trying again", "node", s.node.Name, "err", err)
	}
}

func (p *Publisher) forget(all []subject) {
	if len(p.written) <= len(all) {
		return
	}
	present := make(map[string]bool, len(all))
	for _, s := range all {
		present[s.node.Name] = true
	}
	maps.DeleteFunc(p.written, func(name string, _ *written) bool { return !present[name] })
}

// subjects puts together what there is to show of every node.
func subjects(pass Pass, transport string, evictions func(string) isolate.Progress) []subject {
	verdicts := make(map[string]decision.Verdict, len(pass.Plan.Verdicts))
	for _, v := range pass.Plan.Verdicts {
		verdicts[v.UID] = v
	}
	withheld := map[string]*decision.Withheld{}
	for i := range pass.Plan.Withheld {
		withheld[pass.Plan.Withheld[i].UID] = &pass.Plan.Withheld[i]
	}
	out := make([]subject, 0, len(pass.View.Nodes))
	for _, n := range pass.View.Nodes {
		s := subject{
			node: n, verdict: verdicts[n.UID], shown: pass.View.Shown[n.UID], transport: transport,
			withheld: withheld[n.UID], evictions: evictions(n.UID),
		}
		if iso, ok := pass.Ledger.Isolation(n.UID); ok {
			s.isolation = &iso
		}
		out = append(out, s)
	}
	return out
}
