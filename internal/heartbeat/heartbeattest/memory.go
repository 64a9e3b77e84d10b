package heartbeattest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// ErrCut is what a Publisher of a node gets that Memory.Cut has cut off.
var ErrCut = errors.New("the node is cut off")

// Memory is a transport in this process's memory. Delivery is immediate and in order, so it works in synctest bubbles.
// The zero value is ready.
type Memory struct {
	mu      sync.Mutex // guards everything below
	leases  map[string]*lease
	cut     map[string]bool
	paused  bool // sources hear nothing
	beats   int64
	watches map[*memoryWatch]bool
}

type lease struct {
	event heartbeat.Event // as the next listing shows it
}

var _ Transport = (*Memory)(nil)

// Publisher publishes for one node.
func (m *Memory) Publisher(node string) heartbeat.Publisher { return memoryPublisher{m, node} }

// Source sees all nodes.
func (m *Memory) Source() heartbeat.Source { return memorySource{m} }

// EnsureLease makes the node's lease, or a new one if the Node has another UID now.
func (m *Memory) EnsureLease(_ context.Context, node, uid string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.leases[node]; old != nil && old.event.NodeUID == uid {
		return nil
	}
	if m.leases == nil {
		m.leases = map[string]*lease{}
	}
	m.leases[node] = &lease{heartbeat.Event{Node: node, NodeUID: uid, Beat: heartbeat.Heartbeat{Node: node}}}
	m.send(m.leases[node].event)
	return nil
}

// SetPeriod asks the node's agent for a period.
func (m *Memory) SetPeriod(_ context.Context, node string, period time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.leases[node]
	if l == nil {
		return fmt.Errorf("asking %s for a period: it has no lease", node)
	}
	l.event.Period = period
	m.send(l.event)
	return nil
}

// DeleteLease deletes it.
func (m *Memory) DeleteLease(_ context.Context, node string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leases[node] != nil {
		delete(m.leases, node)
		m.send(heartbeat.Event{Node: node, Gone: true})
	}
	return nil
}

// Reconnect makes every Source list again.
func (m *Memory) Reconnect() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for w := range m.watches {
		m.list(w)
	}
}

// Pause makes every Source deaf, as if its connection were dead and had not noticed. Resume makes them list again.
func (m *Memory) Pause() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.paused = true
}

// Resume ends Pause.
func (m *Memory) Resume() {
	m.mu.Lock()
	m.paused = false
	m.mu.Unlock()
	m.Reconnect()
}

// Cut makes every beat of the node fail, as a cut network does, until Mend.
func (m *Memory) Cut(node string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cut == nil {
		m.cut = map[string]bool{}
	}
	m.cut[node] = true
}

// Mend ends Cut.
func (m *Memory) Mend(node string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.cut, node)
}

type memoryPublisher struct {
	memory *Memory
	node   string
}

func (p memoryPublisher) Publish(ctx context.Context, hb heartbeat.Heartbeat) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m := p.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cut[p.node] {
		return 0, ErrCut
	}
	l := m.leases[p.node]
	if l == nil {
		return 0, heartbeat.ErrNoLease
	}
	m.beats++
	l.event.Mark = fmt.Sprintf("%s#%d", hb.Holder, m.beats)
	l.event.Beat = hb
	m.send(l.event)
	return l.event.Period, nil
}

// A memoryWatch is the queue of one Source. It has no bound: a slow receiver must not hold up a beat.
type memoryWatch struct {
	wake chan struct{}

	queue []heartbeat.Event // guarded by Memory.mu
	known map[string]bool   // guarded by Memory.mu: what this Source was told of
}

// send needs mu.
func (m *Memory) send(event heartbeat.Event) {
	if m.paused {
		return
	}
	for w := range m.watches {
		w.add(event)
	}
}

// list needs mu.
func (m *Memory) list(w *memoryWatch) {
	if m.paused {
		return
	}
	for _, node := range slices.Sorted(maps.Keys(m.leases)) {
		event := m.leases[node].event
		event.Listed = true
		w.add(event)
	}
	for node := range w.known {
		if m.leases[node] == nil {
			w.add(heartbeat.Event{Node: node, Gone: true})
		}
	}
}

// add needs Memory.mu.
func (w *memoryWatch) add(event heartbeat.Event) {
	if event.Gone {
		delete(w.known, event.Node)
	} else {
		w.known[event.Node] = true
	}
	w.queue = append(w.queue, event)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

type memorySource struct{ memory *Memory }

func (s memorySource) Name() string { return "memory" }

func (s memorySource) Watch(ctx context.Context, deliver func(heartbeat.Event)) error {
	m, w := s.memory, &memoryWatch{wake: make(chan struct{}, 1), known: map[string]bool{}}
	m.mu.Lock()
	if m.watches == nil {
		m.watches = map[*memoryWatch]bool{}
	}
	m.watches[w] = true
	m.list(w)
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watches, w)
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.wake:
		}
		m.mu.Lock()
		events := w.queue
		w.queue = nil
		m.mu.Unlock()
		for _, event := range events {
			deliver(event)
		}
	}
}
