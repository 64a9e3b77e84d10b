package ledgerstore

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	typed "github.com/bulkhead-dev/bulkhead/api/client/typed/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// A Clock is what the API server says of the time: kubeclient.Clock.
type Clock interface {
	ServerNow(now time.Time) (time.Time, bool)
}

// API keeps the ledger in the IsolationLedger object called cluster.
type API struct {
	ledgers typed.IsolationLedgerInterface
	clock   Clock
	times   times
}

var _ Store = (*API)(nil)

// NewAPI keeps the ledger in the cluster the client talks to. clock must read the answers of that same client.
func NewAPI(ledgers typed.IsolationLedgerInterface, clock Clock) *API {
	return &API{ledgers: ledgers, clock: clock}
}

// Load reads the ledger from etcd; an absent one is empty.
func (s *API) Load(ctx context.Context) (protect.Ledger, Version, error) {
	object, err := s.ledgers.Get(ctx, v1alpha1.LedgerName, metav1.GetOptions{}) // no resourceVersion: a consistent read
	switch {
	case isAbsent(err):
		return protect.Ledger{}, "", nil
	case err != nil:
		return protect.Ledger{}, "", fmt.Errorf("loading the ledger: %w", err)
	}
	return s.times.ledger(object, s.now()), Version(object.ResourceVersion), nil
}

// Save writes the ledger if it is still at the version seen.
func (s *API) Save(ctx context.Context, l protect.Ledger, seen Version) (Version, error) {
	object := s.times.object(l, s.now())
	object.Name, object.ResourceVersion = v1alpha1.LedgerName, string(seen)
	var err error
	if seen == "" {
		object, err = s.ledgers.Create(ctx, object, metav1.CreateOptions{})
	} else {
		object, err = s.ledgers.Update(ctx, object, metav1.UpdateOptions{})
	}
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), seen != "" && isAbsent(err):
		return "", ErrChanged
	case err != nil:
		return "", fmt.Errorf("saving the ledger: %w", err)
	}
	return Version(object.ResourceVersion), nil
}

func (s *API) now() moment {
	m := moment{local: time.Now()}
	m.server, _ = s.clock.ServerNow(m.local)
	return m
}

// isAbsent tells an absent ledger from an absent kind: without the CRD nothing can be read, and that is no empty ledger.
func isAbsent(err error) bool {
	return apierrors.IsNotFound(err) && !apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}
