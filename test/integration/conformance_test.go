//go:build integration

package integration

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat/heartbeattest"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat/leasebeat"
	"github.com/bulkhead-dev/bulkhead/internal/kubeclient"
	"github.com/bulkhead-dev/bulkhead/internal/ledgerstore"
	"github.com/bulkhead-dev/bulkhead/internal/ledgerstore/ledgerstoretest"
)

// emptyLedger makes sure that there is no ledger, now and when the test is over.
func emptyLedger(t *testing.T) {
	t.Helper()
	remove := func(ctx context.Context) {
		err := bulkhead.BulkheadV1alpha1().IsolationLedgers().Delete(ctx, v1alpha1.LedgerName, metav1.DeleteOptions{})
		if !apierrors.IsNotFound(err) {
			require.NoError(t, err)
		}
	}
	remove(t.Context())
	t.Cleanup(func() { remove(context.WithoutCancel(t.Context())) })
}

func newClient(t *testing.T) *kubeclient.Client {
	t.Helper()
	c, err := kubeclient.NewFor(rest.CopyConfig(admin), kubeclient.Options{})
	require.NoError(t, err)
	t.Cleanup(c.Reset)
	return c
}

func openLedger(t *testing.T) ledgerstore.Store {
	t.Helper()
	c := newClient(t)
	typed, err := client.NewForConfigAndClient(c.Config(), c.HTTP())
	require.NoError(t, err)
	return ledgerstore.NewAPI(typed.BulkheadV1alpha1().IsolationLedgers(), c.Clock())
}

func TestLedgerStore_Conforms(t *testing.T) {
	ledgerstoretest.Run(t, func(t *testing.T) func() ledgerstore.Store {
		emptyLedger(t)
		return func() ledgerstore.Store { return openLedger(t) }
	})
}

// Many writers spend permits at once, each by compare-and-swap: every permit is there once, whoever won.
func TestLedgerStore_NoPermitIsLostOrSpentTwiceByConflictingWriters(t *testing.T) {
	emptyLedger(t)
	const writers, each = 4, 5
	var all sync.WaitGroup
	for w := range writers {
		store := openLedger(t)
		all.Go(func() {
			for n := range each {
				spend(t, store, protect.Candidate{Node: "n", UID: string(rune('a'+w)) + string(rune('0'+n))})
			}
		})
	}
	all.Wait()
	l, _, err := openLedger(t).Load(t.Context())
	require.NoError(t, err)
	require.Len(t, l.Permits, writers*each)
	ids := map[string]bool{}
	for _, p := range l.Permits {
		require.False(t, ids[p.ID], "permit %s was spent twice", p.ID)
		ids[p.ID] = true
	}
}

func spend(t *testing.T, store ledgerstore.Store, c protect.Candidate) {
	for {
		l, seen, err := store.Load(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		l, _ = l.Record(c, time.Hour, time.Now())
		_, err = store.Save(t.Context(), l, seen)
		if err == nil {
			return
		}
		if err != ledgerstore.ErrChanged { //nolint:errorlint // the store returns it bare; anything else fails the test
			t.Error(err)
			return
		}
	}
}

// transport is leasebeat on the real API server. Sources have a client of their own, to be cut from it.
type transport struct {
	*leasebeat.Keeper
	client, watching rest.Interface
	kube             *kubeclient.Client
}

func (tr transport) Publisher(node string) heartbeat.Publisher {
	return leasebeat.NewPublisher(tr.client, node)
}

func (tr transport) Source() heartbeat.Source {
	return leasebeat.NewSource(tr.watching, leasebeat.SourceOptions{})
}

func (tr transport) Reconnect() { tr.kube.Reset() }

func (tr transport) DeleteLease(ctx context.Context, node string) error {
	return kube.CoordinationV1().Leases(v1alpha1.HeartbeatNamespace).Delete(ctx, node, metav1.DeleteOptions{})
}

func (tr transport) EnsureLease(ctx context.Context, node, uid string) error {
	return tr.Keeper.EnsureLease(ctx, node, types.UID(uid))
}

func TestLeasebeat_Conforms(t *testing.T) {
	heartbeattest.Run(t, func(t *testing.T) heartbeattest.Transport {
		client, err := leasebeat.NewClient(newClient(t))
		require.NoError(t, err)
		watched := newClient(t)
		watching, err := leasebeat.NewClient(watched)
		require.NoError(t, err)
		t.Cleanup(func() {
			_ = kube.CoordinationV1().Leases(v1alpha1.HeartbeatNamespace).DeleteCollection(
				context.WithoutCancel(t.Context()), metav1.DeleteOptions{}, metav1.ListOptions{})
		})
		return transport{leasebeat.NewKeeper(client), client, watching, watched}
	})
}
