package leasebeat

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

const (
	listTimeout  = 30 * time.Second // 15 000 leases are about 10 MB
	openTimeout  = 5 * time.Second  // until a watch is open
	watchFor     = time.Hour        // then the server ends it and we list again
	behindLimit  = 5 * time.Second  // of the pulse, before a watch is taken for dead
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second // blindness lasts at least as long as the pause
)

// SourceOptions say what else a Source does.
type SourceOptions struct {
	// Pulse, if any, gets the echoes of controllers' pulses, and ends a watch that no longer brings them.
	Pulse *Pulse
	Log   *slog.Logger
}

// A Source lists and watches all heartbeat Leases, nodes' and controllers', over one watch.
//
// It is not a client-go reflector: that resumes a broken watch without a listing, so beats of any age would arrive as
// if they were new, and it pauses up to 30 s after errors.
type Source struct {
	client  rest.Interface
	options SourceOptions
}

var _ heartbeat.Source = (*Source)(nil)

// NewSource watches all nodes. client comes from NewClient.
func NewSource(client rest.Interface, o SourceOptions) *Source {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Source{client, o}
}

// Name of the transport, as in status.lease.transport.
func (s *Source) Name() string { return "lease" }

// Watch delivers until ctx ends. Every break is followed by a listing, so it returns no error but for a bug.
func (s *Source) Watch(ctx context.Context, deliver func(heartbeat.Event)) error {
	known := map[string]bool{} // nodes the receiver has heard of
	pause, failing := firstPause, false
	opened := func() {
		if failing {
			s.options.Log.Info("heartbeats are watched again")
		}
		pause, failing = firstPause, false
	}
	for {
		err := s.session(ctx, known, deliver, opened)
		s.options.Log.Debug("the watch of heartbeats ended", "err", err)
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return nil
		}
		if pause = min(2*pause, longestPause); pause == longestPause && !failing { // four failures in about 1 s
			failing = true
			s.options.Log.Warn("cannot watch heartbeats, so this controller is blind", "err", err)
		}
	}
}

// session is one listing and the watch after it. It calls opened once the watch is open.
func (s *Source) session(ctx context.Context, known map[string]bool, deliver func(heartbeat.Event), opened func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	version, err := s.list(ctx, known, deliver)
	if err != nil {
		return err
	}
	changes, err := s.open(ctx, cancel, version)
	if err != nil {
		return err
	}
	defer changes.Stop()
	opened()
	return s.follow(ctx, changes, known, deliver)
}

// list is a consistent read: one from an API server's cache might show beats older than those already delivered, and
// the receiver would take the step back for a beat.
func (s *Source) list(ctx context.Context, known map[string]bool, deliver func(heartbeat.Event)) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	leases := &coordinationv1.LeaseList{}
	if err := s.request(metav1.ListOptions{}).Do(ctx).Into(leases); err != nil {
		return "", fmt.Errorf("listing heartbeat leases: %w", err)
	}
	gone := maps.Clone(known)
	for i := range leases.Items {
		lease := &leases.Items[i]
		s.changed(lease, true, known, deliver)
		delete(gone, lease.Name)
	}
	for node := range gone {
		delete(known, node)
		deliver(heartbeat.Event{Node: node, Gone: true})
	}
	return leases.ResourceVersion, nil
}

func (s *Source) open(ctx context.Context, cancel context.CancelCauseFunc, version string) (watch.Interface, error) {
	late := time.AfterFunc(openTimeout, func() { cancel(context.DeadlineExceeded) })
	defer late.Stop()
	seconds := int64(watchFor / time.Second)
	changes, err := s.request(metav1.ListOptions{Watch: true, ResourceVersion: version, TimeoutSeconds: &seconds}).Watch(ctx)
	if err != nil {
		return nil, fmt.Errorf("watching heartbeat leases: %w", err)
	}
	return changes, nil
}

func (s *Source) follow(ctx context.Context, changes watch.Interface, known map[string]bool, deliver func(heartbeat.Event)) error {
	began := time.Now()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-look.C:
			if s.options.Pulse != nil && s.options.Pulse.isBehind(behindLimit, began) {
				s.options.Log.Warn("the watch of heartbeats no longer brings our own pulse, listing again")
				return fmt.Errorf("watching heartbeat leases: our own pulse has not come back for %s", behindLimit)
			}
		case event, open := <-changes.ResultChan():
			if !open {
				return fmt.Errorf("watching heartbeat leases: the watch was closed")
			}
			if err := s.take(event, known, deliver); err != nil {
				return err
			}
		}
	}
}

func (s *Source) take(event watch.Event, known map[string]bool, deliver func(heartbeat.Event)) error {
	switch event.Type {
	case watch.Error:
		return fmt.Errorf("watching heartbeat leases: %w", apierrors.FromObject(event.Object))
	case watch.Added, watch.Modified:
		if lease, ok := event.Object.(*coordinationv1.Lease); ok {
			s.changed(lease, false, known, deliver)
		}
	case watch.Deleted:
		if lease, ok := event.Object.(*coordinationv1.Lease); ok && known[lease.Name] {
			delete(known, lease.Name)
			deliver(heartbeat.Event{Node: lease.Name, Gone: true})
		}
	case watch.Bookmark:
	}
	return nil
}

func (s *Source) changed(lease *coordinationv1.Lease, listed bool, known map[string]bool, deliver func(heartbeat.Event)) {
	if lease.Labels[v1alpha1.LabelHeartbeat] == v1alpha1.HeartbeatController {
		if s.options.Pulse != nil {
			s.options.Pulse.echo(lease, time.Now())
		}
		return
	}
	event := read(lease)
	event.Listed = listed
	known[lease.Name] = true
	deliver(event)
}

func (s *Source) request(o metav1.ListOptions) *rest.Request {
	o.LabelSelector = v1alpha1.LabelHeartbeat + " in (" + v1alpha1.HeartbeatNode + "," + v1alpha1.HeartbeatController + ")"
	return s.client.Get().Namespace(v1alpha1.HeartbeatNamespace).Resource(resource).VersionedParams(&o, metav1.ParameterCodec)
}
