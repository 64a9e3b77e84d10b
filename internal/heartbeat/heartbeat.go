package heartbeat

import (
	"context"
	"net/netip"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// DefaultPeriod is the beat period before the controller has asked for another.
const DefaultPeriod = time.Second

// A Heartbeat is one beat of one node. It says "I live", which status it vouches for, and when to expect the next.
type Heartbeat struct {
	Node     string
	Holder   string              // identifies the agent process: changes when the agent restarts
	BootID   string              // the kernel's boot ID
	Sequence int64               // of the agent status this beat vouches for
	Phase    v1alpha1.AgentPhase // Running, or Leaving on a planned shutdown
	Next     time.Duration       // the promise: the next beat comes within this
	Address  string              // host:port of the agent's health server, empty if it serves on loopback only
}

// A Publisher sends heartbeats over one transport. Publish replaces the node's previous heartbeat and renews its
// lease. It returns the beat period the controller asks for, 0 if it has not asked.
//
// A Publisher is used by one goroutine. ErrNoLease means the controller has not made the lease yet: beat on, later.
type Publisher interface {
	Publish(ctx context.Context, hb Heartbeat) (period time.Duration, err error)
}

// Told is a Publisher that keeps what the controller said in the answers to its beats. Its methods may be called
// concurrently.
type Told interface {
	// Period is the beat period asked for, DefaultPeriod before any was.
	Period() time.Duration
	// Peers are agents of a few other nodes, for this node to ask whether its network works.
	Peers() []netip.AddrPort
}

// An Event is what a Source saw of one node.
type Event struct {
	Node string
	// Mark changes with every beat and with nothing else; it is compared for equality only. Empty: never beaten.
	Mark string
	// NodeUID is the Node the lease was made for.
	NodeUID string
	// Gone: the lease was deleted. Only Node is set.
	Gone bool
	// Listed: the event comes from a full listing, so the beat may be old. Its age is unknown.
	Listed bool
	Beat   Heartbeat
	// Period is what the controller has asked for on this lease, 0 if nothing, so that it can see whether it still has to.
	Period time.Duration
	// Peers are the addresses it named, comma separated: likewise.
	Peers string
}

// A Source delivers what one transport sees until ctx ends. After a reconnection it delivers a full listing before any
// change, so a receiver that keeps the latest event per node is never behind. deliver is called from one goroutine.
type Source interface {
	Name() string
	Watch(ctx context.Context, deliver func(Event)) error
}
