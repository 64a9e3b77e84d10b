package network

import (
	"context"
	"slices"
	"sync"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// links asks about each link once per look: one may have several roles.
type links struct {
	door  LinkDoor
	known []host.Link
}

func (l *links) indexed(ctx context.Context, index int) (host.Link, error) {
	for _, link := range l.known {
		if link.Index == index {
			return link, nil
		}
	}
	return l.keep(l.door.Link(ctx, index))
}

func (l *links) named(ctx context.Context, name string) (host.Link, error) {
	for _, link := range l.known {
		if link.Name == name {
			return link, nil
		}
	}
	return l.keep(l.door.LinkNamed(ctx, name))
}

func (l *links) keep(link host.Link, err error) (host.Link, error) {
	if err == nil {
		l.known = append(l.known, link)
	}
	return link, err
}

// watched are the links whose changes matter to a probe. A node that starts pods makes links all the time.
type watched struct {
	mu      sync.Mutex // guards indexes
	indexes []int
}

func (w *watched) set(indexes []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.indexes = indexes
}

// concerns is true of any link while none is known, or one that is known is gone and may come back under any index.
func (w *watched) concerns(link int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.indexes) == 0 || slices.Contains(w.indexes, link) || slices.Contains(w.indexes, 0)
}
