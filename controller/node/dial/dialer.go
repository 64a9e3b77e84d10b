package dial

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
)

const (
	// calibrated is how long a connection vouches that a port can be reached from here.
	calibrated = 10 * time.Minute
	// calibrateEvery is far enough below calibrated that two attempts may fail.
	calibrateEvery = 3 * time.Minute
	// maxRounds bounds the rounds under way: with two ports and two attempts each, 512 sockets.
	maxRounds = 128
)

// A Dialer dials. All methods may be called concurrently.
type Dialer struct {
	connect func(ctx context.Context, address string) outcome
	timeout time.Duration
	done    func()
	counted func(outcome string)
	rounds  chan struct{} // one slot per round under way
	running sync.WaitGroup

	mu   sync.Mutex // guards everything below
	seen map[string]*record
}

// record is what is known of one node.
type record struct {
	dialed    time.Time            // when the newest finished round began
	answered  time.Time            // when a dial was last answered
	connected map[string]time.Time // by address: when a connection was last made
	due       time.Time            // when to calibrate again
	busy      bool
}

// New is a Dialer whose rounds take at most timeout. done is called after a round that Ask began; counted with the
// outcome of every round: connected, refused or silent.
func New(timeout time.Duration, done func(), counted func(outcome string)) *Dialer {
	return &Dialer{
		connect: connect, timeout: timeout, done: done, counted: counted,
		rounds: make(chan struct{}, maxRounds), seen: map[string]*record{},
	}
}

// Timeout bounds a round.
func (d *Dialer) Timeout() time.Duration { return d.timeout }

// Ask dials a silent node, unless a round is under way. It does not wait. ctx bounds the round.
func (d *Dialer) Ask(ctx context.Context, uid string, addresses []string) {
	d.begin(ctx, uid, addresses, d.done)
}

// Run connects to every healthy node about every calibrateEvery, spread over it, until ctx ends. targets lists them
// with their addresses, by UID.
func (d *Dialer) Run(ctx context.Context, targets func(now time.Time) map[string][]string) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		now := time.Now()
		list := targets(now)
		for uid, addresses := range list {
			if d.isDue(uid, now) {
				d.begin(ctx, uid, addresses, func() {})
			}
		}
		d.forget(list, now)
		select {
		case <-ctx.Done():
			d.running.Wait()
			return nil
		case <-ticker.C:
		}
	}
}

// Heard is what dials to a node found.
func (d *Dialer) Heard(uid string, now time.Time) decision.Witness {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.seen[uid]
	if r == nil {
		return decision.Witness{}
	}
	w := decision.Witness{Dialed: r.dialed, Answered: r.answered}
	for _, at := range r.connected {
		w.Calibrated = w.Calibrated || now.Sub(at) < calibrated
	}
	return w
}

func (d *Dialer) begin(ctx context.Context, uid string, addresses []string, done func()) {
	if len(addresses) == 0 || !d.reserve(uid) {
		return
	}
	d.running.Go(func() {
		defer d.free(uid)
		select {
		case d.rounds <- struct{}{}:
		case <-ctx.Done():
			return
		}
		defer func() { <-d.rounds }()
		began := time.Now()
		found := d.round(ctx, addresses)
		if ctx.Err() != nil {
			return // cut short by our own end: it says nothing of the node
		}
		d.note(uid, began, found)
		done()
	})
}

func (d *Dialer) reserve(uid string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.seen[uid]
	if r == nil {
		r = &record{connected: map[string]time.Time{}}
		d.seen[uid] = r
	}
	if r.busy {
		return false
	}
	r.busy = true
	return true
}

func (d *Dialer) free(uid string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[uid].busy = false
}

func (d *Dialer) note(uid string, began time.Time, found map[string]answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.seen[uid]
	r.dialed = began
	best := silent
	for address, a := range found {
		if a.outcome == connected {
			r.connected[address] = a.at
		}
		if a.outcome != silent && a.at.After(r.answered) {
			r.answered = a.at
		}
		best = max(best, a.outcome)
	}
	r.due = time.Now().Add(calibrateEvery*8/10 + rand.N(calibrateEvery*4/10))
	d.counted(best.String())
}

func (d *Dialer) isDue(uid string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.seen[uid]
	return r == nil || (!r.busy && !now.Before(r.due))
}

// forget drops nodes that were neither dialed nor due for long: they are gone.
func (d *Dialer) forget(listed map[string][]string, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for uid, r := range d.seen {
		if _, ok := listed[uid]; !ok && !r.busy && now.Sub(r.dialed) > 2*calibrated {
			delete(d.seen, uid)
		}
	}
}
