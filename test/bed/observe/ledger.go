package observe

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// Refund takes the permits back while exactly one isolation is in force, which no person would do, so that the next
// fault has the whole budget at once. The leader learns of it when it writes the release of that isolation; without one
// it would not, so Refund does nothing then and the end of the window has to be waited for.
func Refund(ctx context.Context, bulkhead client.Interface, v *View) error {
	l := v.Now().Ledger
	if l == nil || len(l.Isolations) != 1 || len(l.Intents) > 0 || !l.Isolations[0].ReleasedByHandUntil.IsZero() {
		return nil
	}
	ledgers := bulkhead.BulkheadV1alpha1().IsolationLedgers()
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		l, err := ledgers.Get(ctx, v1alpha1.LedgerName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		l.Permits = nil
		_, err = ledgers.Update(ctx, l, metav1.UpdateOptions{})
		return err
	})
}
