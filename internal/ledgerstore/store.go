package ledgerstore

import (
	"context"
	"errors"

	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// ErrChanged says that somebody else wrote the ledger since it was loaded. The loop branches on it to load again and
// end the pass: what it decided rests on a ledger that is no longer true.
var ErrChanged = errors.New("the ledger changed since it was loaded")

// Version identifies what Load or Save last saw. Empty: there was no ledger yet.
type Version string

// A Store keeps the ledger. Save is a compare-and-swap on the version that Load or the Save before returned; it
// returns the version it wrote. After any other error than ErrChanged the ledger may or may not have been written, and
// the next Save says which: it then gets ErrChanged.
//
// A Store is used by one goroutine.
type Store interface {
	Load(ctx context.Context) (protect.Ledger, Version, error)
	Save(ctx context.Context, l protect.Ledger, seen Version) (Version, error)
}
