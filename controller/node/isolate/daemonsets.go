package isolate

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/events"

	"golang.org/x/sync/errgroup"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/feed"
)

// settleFor is how long DaemonSets must be quiet before they are judged, so that a rollout is one line and not ten.
const settleFor = 2 * time.Second

// DaemonSets names the DaemonSets whose pods our taint would end, because they do not tolerate it: Kubernetes' own
// taint-eviction deletes them, and with them perhaps the network or the storage of the pods that stay.
type DaemonSets struct {
	feed    *feed.Feed[*appsv1.DaemonSet]
	events  events.EventRecorder
	log     *slog.Logger
	changed chan struct{}
	named   map[string]bool // namespace/name
}

// NewDaemonSets watches the cluster the client talks to.
func NewDaemonSets(kube kubernetes.Interface, recorder events.EventRecorder, log *slog.Logger) *DaemonSets {
	d := &DaemonSets{events: recorder, log: log, changed: make(chan struct{}, 1), named: map[string]bool{}}
	d.feed = feed.New("daemonsets", kube.AppsV1().DaemonSets(corev1.NamespaceAll), kube, func(_, _ *appsv1.DaemonSet) {
		select {
		case d.changed <- struct{}{}:
		default:
		}
	})
	return d
}

// Run names them at start and whenever the set of them changes, until ctx ends.
func (d *DaemonSets) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.feed.Run(ctx) })
	g.Go(func() error {
		quiet := time.NewTimer(settleFor)
		defer quiet.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-d.changed:
				quiet.Reset(settleFor)
			case <-quiet.C:
				d.judge()
			}
		}
	})
	return g.Wait()
}

func (d *DaemonSets) judge() {
	ended := map[string]*appsv1.DaemonSet{}
	for _, ds := range d.feed.All() {
		if !tolerates(ds.Spec.Template.Spec.Tolerations, taintFor("")) {
			ended[ds.Namespace+"/"+ds.Name] = ds
		}
	}
	now := slices.Sorted(maps.Keys(ended))
	if slices.Equal(now, slices.Sorted(maps.Keys(d.named))) {
		return
	}
	for _, name := range now {
		if !d.named[name] {
			d.events.Eventf(ended[name], nil, corev1.EventTypeWarning, "WouldBeEnded", "CheckTolerations",
				"An isolation would end this DaemonSet's pods on the node: they do not tolerate the taint %s:NoExecute. If the pods that stay need them, add the toleration.", v1alpha1.TaintIsolated)
		}
	}
	d.named = map[string]bool{}
	for _, name := range now {
		d.named[name] = true
	}
	if len(now) == 0 {
		d.log.Info("all DaemonSets tolerate our taint")
		return
	}
	d.log.Warn("an isolation would end the pods of DaemonSets that do not tolerate our taint",
		"daemonSets", strings.Join(now, " "), "taint", v1alpha1.TaintIsolated+":NoExecute")
}
