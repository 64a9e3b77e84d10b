package cleanup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// LockName is the ProtectionLock that holds while cleaning up.
const LockName = "bulkhead-uninstall"

// Options say what the chart has called things.
type Options struct {
	// Namespace of the controllers' Deployment and of the leader's Lease.
	Namespace string
	// Deployment of the controllers.
	Deployment string
	// PodSelector matches the controllers' pods.
	PodSelector string
	// LeaderLease is the name of the leader's Lease.
	LeaderLease string
	// Patience is how long controllers' pods are waited for. 1m is twice the time after which Kubernetes gives up on one
	// that ignores SIGTERM.
	Patience time.Duration
	Log      *slog.Logger
}

// DefaultOptions are the chart's names.
func DefaultOptions() Options {
	return Options{
		Namespace:   v1alpha1.SystemNamespace,
		Deployment:  "bulkhead-controller",
		PodSelector: "app.kubernetes.io/name=bulkhead,app.kubernetes.io/component=controller",
		LeaderLease: "bulkhead-controller",
		Patience:    time.Minute,
		Log:         slog.New(slog.DiscardHandler),
	}
}

// lookEvery is the pause between two looks at what is still there.
const lookEvery = time.Second

type run struct {
	kube     kubernetes.Interface
	bulkhead client.Interface
	Options
}

// Run cleans up, see the package. It returns when nothing of ours is left, or with what stopped it.
func Run(ctx context.Context, kube kubernetes.Interface, bulkhead client.Interface, o Options) error {
	r := run{kube: kube, bulkhead: bulkhead, Options: o}
	if err := r.lock(ctx); err != nil {
		return err
	}
	left, err := r.stopControllers(ctx)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{r.deleteNodeHealths, r.removeTaints, r.deleteLedger, r.deleteLeases} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if left > 0 {
		r.Log.Warn("a controller's pod is left, so the lock over the cluster stays; delete it when the pod has ended",
			"lock", LockName, "pods", left)
		return nil
	}
	return r.unlock(ctx)
}

// lock holds isolations back. A cluster without the CRD has no controller that acts: it cannot read locks.
func (r run) lock(ctx context.Context) error {
	_, err := r.bulkhead.BulkheadV1alpha1().ProtectionLocks().Create(ctx, &v1alpha1.ProtectionLock{
		ObjectMeta: metav1.ObjectMeta{Name: LockName},
		Spec: v1alpha1.ProtectionLockSpec{
			Scope:  v1alpha1.LockCluster,
			Reason: "Bulkhead is being uninstalled",
			Owner:  "bulkhead-controller cleanup",
		},
	}, metav1.CreateOptions{})
	return about("creating the lock "+LockName, unlessThere(unlessGone(err)))
}

func (r run) unlock(ctx context.Context) error {
	err := r.bulkhead.BulkheadV1alpha1().ProtectionLocks().Delete(ctx, LockName, metav1.DeleteOptions{})
	return about("deleting the lock "+LockName, unlessGone(err))
}

func (r run) deleteNodeHealths(ctx context.Context) error {
	err := r.bulkhead.BulkheadV1alpha1().NodeHealths().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
	return about("deleting NodeHealths", unlessGone(err))
}

func (r run) deleteLedger(ctx context.Context) error {
	err := r.bulkhead.BulkheadV1alpha1().IsolationLedgers().Delete(ctx, v1alpha1.LedgerName, metav1.DeleteOptions{})
	return about("deleting the ledger", unlessGone(err))
}

func (r run) deleteLeases(ctx context.Context) error {
	leases := r.kube.CoordinationV1()
	beats := leases.Leases(v1alpha1.HeartbeatNamespace).DeleteCollection(ctx, metav1.DeleteOptions{},
		metav1.ListOptions{LabelSelector: v1alpha1.LabelHeartbeat})
	leader := leases.Leases(r.Namespace).Delete(ctx, r.LeaderLease, metav1.DeleteOptions{})
	return errors.Join(
		about("deleting heartbeat Leases", unlessGone(beats)),
		about(fmt.Sprintf("deleting the Lease %s/%s", r.Namespace, r.LeaderLease), unlessGone(leader)))
}
