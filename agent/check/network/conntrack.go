package network

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// ConntrackDoor is host.Conntrack.
type ConntrackDoor interface {
	Room() (count, limit uint64, err error)
	Dropped() (uint64, error)
}

// A Conntrack is the probe of the check conntrack.
type Conntrack struct {
	door   ConntrackDoor
	limits config.NetworkRoom

	dropped uint64 // at the last look, if it was counted there
	counted bool
}

// NewConntrack makes the probe.
func NewConntrack(s config.NetworkSubject, door ConntrackDoor) *Conntrack {
	return &Conntrack{door: door, limits: s.Conntrack}
}

// countFrom is how full the table must be, in percent, for lost packets to be counted: the counters have a line per CPU,
// and while there is room nothing is lost for want of it.
const countFrom = 75

// room is what one look saw.
type room struct {
	count, limit uint64
	dropped      uint64 // packets lost since the look before
}

func (r room) percent() uint64 {
	if r.limit == 0 {
		return 0 // without limit
	}
	return r.count * 100 / r.limit
}

// Probe reads how full the table is.
func (p *Conntrack) Probe(context.Context) ([]check.Finding, error) {
	r, err := p.gather()
	if errors.Is(err, host.ErrNoConntrack) {
		return nil, check.ErrNotApplicable
	}
	if err != nil {
		return nil, err
	}
	return judgeRoom(r, p.limits), nil
}

func (p *Conntrack) gather() (r room, err error) {
	if r.count, r.limit, err = p.door.Room(); err != nil {
		return r, err
	}
	if r.percent() < countFrom {
		p.counted = false
		return r, nil
	}
	dropped, err := p.door.Dropped()
	switch {
	case errors.Is(err, os.ErrNotExist): // a kernel without these counters
		return r, nil
	case err != nil:
		return r, err
	case p.counted && dropped > p.dropped:
		r.dropped = dropped - p.dropped
	}
	p.dropped, p.counted = dropped, true
	return r, nil
}

// judgeRoom says whether the table is full.
func judgeRoom(r room, limits config.NetworkRoom) []check.Finding {
	if r.percent() < uint64(limits.FullPercent) && r.dropped < uint64(limits.Drops) { //nolint:gosec // both are validated to be positive
		return nil
	}
	return []check.Finding{{
		Reason: v1alpha1.ReasonConntrackFull,
		Message: fmt.Sprintf("%d of %d connections are tracked (%d%%), %d packets were dropped since the last look",
			r.count, r.limit, r.percent(), r.dropped),
	}}
}
