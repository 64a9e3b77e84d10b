package ledgerstore

import (
	"context"
	"strconv"
	"sync"

	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// Memory is a ledger shared by all the stores that Open returns, as controllers share the API object.
type Memory struct {
	mu      sync.Mutex // guards everything below
	version int        // 0: there is no ledger yet
	ledger  protect.Ledger
}

// Open returns one controller's store on the shared ledger.
func (m *Memory) Open() Store { return memoryStore{m} }

type memoryStore struct{ shared *Memory }

func (s memoryStore) Load(ctx context.Context) (protect.Ledger, Version, error) {
	if err := ctx.Err(); err != nil {
		return protect.Ledger{}, "", err
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.ledger, s.shared.at(), nil
}

func (s memoryStore) Save(ctx context.Context, l protect.Ledger, seen Version) (Version, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	if s.shared.at() != seen {
		return "", ErrChanged
	}
	s.shared.version++
	s.shared.ledger = l // a value whose methods never write to what they share
	return s.shared.at(), nil
}

func (m *Memory) at() Version {
	if m.version == 0 {
		return ""
	}
	return Version(strconv.Itoa(m.version))
}

// Delete deletes the ledger, as a person may delete the API object.
func (m *Memory) Delete() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version, m.ledger = 0, protect.Ledger{}
}
