package kubeclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// stagger is how long an address may take before the next is tried beside it. Connecting takes under 1 ms within a
	// cluster; at 300 ms the third address still answers within a beat's 800 ms, and one lost SYN (1 s) is not fatal.
	stagger = 300 * time.Millisecond
	// patience bounds the whole of one dial.
	patience = 5 * time.Second
	// demotion is how long an address that failed stands at the end of the line. Afterwards the configured address is
	// tried first again: it balances load over API servers and a remembered one does not.
	demotion = time.Minute
	// calmly is the pause between resets once every address has been tried in vain.
	calmly = 10 * time.Second
)

// A dialer connects to the first address of the API server that answers.
type dialer struct {
	configured string
	remembered func() []string
	given      []string
	log        *slog.Logger

	mu      sync.Mutex           // guards everything below
	current string               // the address of the newest connection
	local   netip.Addr           // our end of it
	failed  map[string]time.Time // when an address was last demoted
	reset   time.Time            // when Demote was last called
	resets  int                  // calls of Demote since the last answer, as far as MayDemote knows
}

// DialContext connects to any of our addresses when asked for the configured one. Anything else, such as a proxy, is
// dialed as it is.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if address != d.configured {
		return (&net.Dialer{Timeout: patience}).DialContext(ctx, network, address)
	}
	return d.race(ctx, network, d.line(time.Now()))
}

// line is every address once, in the order to try: the configured one, the one that worked last, the remembered, the
// given; then those demoted of late, longest ago first.
func (d *dialer) line(now time.Time) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := append([]string{d.configured, d.current}, append(d.remembered(), d.given...)...)
	var good, bad []string
	for _, address := range all {
		switch at, demoted := d.failed[address]; {
		case address == "" || slices.Contains(good, address) || slices.Contains(bad, address):
		case demoted && now.Sub(at) < demotion:
			bad = append(bad, address)
		default:
			good = append(good, address)
		}
	}
	slices.SortStableFunc(bad, func(a, b string) int { return d.failed[a].Compare(d.failed[b]) })
	return append(good, bad...)
}

type attempt struct {
	address string
	conn    net.Conn
	err     error
}

// race starts one attempt after another, the next when the last failed or has taken longer than stagger, and returns
// the first connection. Addresses that were passed are demoted; late connections are closed.
func (d *dialer) race(ctx context.Context, network string, line []string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	results := make(chan attempt, len(line)) // no attempt ever blocks on us
	start := func(address string) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		results <- attempt{address, conn, err}
	}
	var errs []error
	started, pending := 0, 0
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			if started < len(line) {
				go start(line[started])
				started++
				pending++
				next.Reset(stagger)
			}
		case a := <-results:
			pending--
			if a.err == nil {
				d.won(a, line[:started])
				go closeLate(results, pending)
				return a.conn, nil
			}
			errs = append(errs, a.err)
			if started < len(line) {
				next.Reset(0)
			} else if pending == 0 {
				return nil, unreachable(line, errs)
			}
		case <-ctx.Done():
			go closeLate(results, pending)
			return nil, unreachable(line, append(errs, ctx.Err()))
		}
	}
}

// won remembers the winner and demotes those that were tried and did not answer in time.
func (d *dialer) won(a attempt, tried []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current != a.address && d.current != "" {
		d.log.Info("another API server address answers", "from", d.current, "to", a.address)
	}
	d.current = a.address
	if tcp, ok := a.conn.LocalAddr().(*net.TCPAddr); ok {
		d.local = tcp.AddrPort().Addr().Unmap()
	}
	for _, address := range tried {
		if address == a.address {
			break // those after the winner were given less time than it
		}
		d.demote(address)
	}
}

// Demote sends the address in use to the end of the line: it accepted a connection and then did not answer.
func (d *dialer) Demote() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reset = time.Now()
	d.resets++
	if d.current != "" {
		d.demote(d.current)
	}
}

// MayDemote says whether a call that began at that time and got no answer is a reason to demote: see Client.Overran.
func (d *dialer) MayDemote(began, now, lastAnswer time.Time) bool {
	line := len(d.line(now))
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reset.After(began) {
		return false
	}
	if lastAnswer.After(d.reset) {
		d.resets = 0
	}
	return d.resets < line || now.Sub(d.reset) >= calmly
}

func (d *dialer) demote(address string) {
	if d.failed == nil {
		d.failed = map[string]time.Time{}
	}
	d.failed[address] = time.Now()
}

// LocalIP is our end of the newest connection.
func (d *dialer) LocalIP() netip.Addr {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.local
}

func closeLate(results <-chan attempt, pending int) {
	for range pending {
		if late := <-results; late.conn != nil {
			_ = late.conn.Close()
		}
	}
}

func unreachable(line []string, errs []error) error {
	return fmt.Errorf("no API server address of %v answers: %w", line, errors.Join(errs...))
}
