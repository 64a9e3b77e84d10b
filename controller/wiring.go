package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/tools/events"

	"github.com/bulkhead-dev/bulkhead/controller/metrics"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/controller/node/dial"
	"github.com/bulkhead-dev/bulkhead/controller/node/isolate"
	"github.com/bulkhead-dev/bulkhead/controller/node/loop"
	"github.com/bulkhead-dev/bulkhead/controller/node/publish"
	"github.com/bulkhead-dev/bulkhead/internal/config"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat/leasebeat"
	"github.com/bulkhead-dev/bulkhead/internal/httpserver"
	"github.com/bulkhead-dev/bulkhead/internal/ledgerstore"
)

// A controller is everything that runs, connected.
//
//	always          the pulse, the census, the dialer, the remembered API servers, the HTTP server
//	while leading   the loop, the evictor, the publisher, the maker, the look at DaemonSets
type controller struct {
	config   config.Controller
	log      *slog.Logger
	clients  *clients
	metrics  *metrics.Set
	pulse    *leasebeat.Pulse
	keeper   *leasebeat.Keeper
	census   *census.Census
	dialer   *dial.Dialer
	events   events.EventBroadcaster
	recorder events.EventRecorder
	server   httpserver.Server
	woken    chan struct{} // by dials and evictions

	readiness atomic.Pointer[string]    // why we are not ready; nil: we are
	term      atomic.Pointer[loop.Loop] // the loop while leading; nil otherwise
}

// wire builds the controller. It talks to nobody yet.
func wire(c config.Controller, log *slog.Logger) (*controller, error) {
	k := &controller{config: c, log: log, woken: make(chan struct{}, 1)}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	k.metrics = metrics.New(registry)

	var err error
	if k.clients, err = newClients(c, log); err != nil {
		return nil, err
	}
	scheme, err := eventScheme()
	if err != nil {
		return nil, err
	}
	k.events = events.NewBroadcaster(&events.EventSinkImpl{Interface: k.clients.showKube.EventsV1()})
	k.recorder = k.events.NewRecorder(scheme, "bulkhead-controller")

	k.pulse = leasebeat.NewPulse(k.clients.beats, c.Identity, leasebeat.PulseOptions{Overran: k.clients.api.Overran, Log: log})
	k.keeper = leasebeat.NewKeeper(k.clients.keeps)
	k.dialer = dial.New(c.Dials.Timeout.Duration, k.wake, func(outcome string) { k.metrics.Dials.WithLabelValues(outcome).Inc() })
	k.census = census.New(census.Options{
		Kube: k.clients.kube, Bulkhead: k.clients.bulkhead,
		Beats: leasebeat.NewSource(k.clients.beats, leasebeat.SourceOptions{Pulse: k.pulse, Log: log}),
		Pulse: k.pulse, Dials: k.dialer, Clock: k.clients.api.Clock(), Period: c.Beats.Period,
		KubeletPort: c.Dials.KubeletPort, AgentPort: c.Dials.AgentPort, Policy: c.DefaultPolicy, Log: log,
	})
	k.server = httpserver.Server{
		Address: c.MetricsAddress, Setting: "metricsAddress", Log: log,
		Handler: httpserver.Handler(registry, map[string]func() error{"/healthz": alive, "/livez": k.healthy, "/readyz": k.ready}),
	}
	return k, nil
}

// run runs everything until ctx ends.
func (k *controller) run(ctx context.Context) error {
	k.notReady("starting")
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return k.server.Run(ctx) })
	g.Go(func() error { return k.clients.api.Run(ctx) })
	g.Go(func() error {
		if !k.awaitNeeds(ctx) {
			return nil
		}
		return k.guard(ctx)
	})
	return g.Wait()
}

// guard is what needs the kinds and the rights: everything.
func (k *controller) guard(ctx context.Context) error {
	if err := k.events.StartRecordingToSinkWithContext(ctx); err != nil {
		return fmt.Errorf("recording events: %w", err)
	}
	defer k.events.Shutdown()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return k.census.Run(ctx) })
	g.Go(func() error { return k.pulse.Run(ctx) })
	g.Go(func() error { return k.dialer.Run(ctx, k.census.Targets) })
	g.Go(func() error { return k.campaign(ctx) })
	k.readiness.Store(nil)
	return g.Wait()
}

// lead is one term of leadership. It returns when ctx ends, or when another leads.
func (k *controller) lead(ctx context.Context) error {
	count := func(c *prometheus.CounterVec) func(string) {
		return func(outcome string) { c.WithLabelValues(outcome).Inc() }
	}
	bulkhead := k.clients.showBulkhead.BulkheadV1alpha1()
	var publisher *publish.Publisher
	evictor := isolate.NewEvictor(k.clients.kube, k.config.Evictions.PerSecond, k.log, func() { publisher.Wake() }, count(k.metrics.Evictions))
	publisher = publish.New(bulkhead, k.census, evictor.Progress, count(k.metrics.StatusWrites), k.log)
	maker := publish.NewMaker(bulkhead, k.census, k.keeper, k.config.DefaultPolicy, k.log)
	daemonSets := isolate.NewDaemonSets(k.clients.kube, k.recorder, k.log)
	l := loop.New(loop.Options{
		Identity: k.config.Identity,
		Census:   k.census, Recheck: census.NewRechecker(k.census, leasebeat.NewKeeper(k.clients.beats)),
		Store:    ledgerstore.NewAPI(k.clients.bulkhead.BulkheadV1alpha1().IsolationLedgers(), k.clients.api.Clock()),
		Isolator: isolate.NewIsolator(k.clients.kube), Evictor: evictor, Dialer: k.dialer, Publisher: publisher,
		Events: k.recorder, Metrics: k.metrics, Log: k.log, Woken: k.woken,
	})
	k.term.Store(l)
	defer k.term.Store(nil)

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.Run(ctx) })
	g.Go(func() error { return evictor.Run(ctx) })
	g.Go(func() error { return publisher.Run(ctx) })
	g.Go(func() error { return maker.Run(ctx) })
	g.Go(func() error { return daemonSets.Run(ctx) })
	return g.Wait()
}

func (k *controller) wake() {
	select {
	case k.woken <- struct{}{}:
	default:
	}
}

func (k *controller) notReady(why string) { k.readiness.Store(&why) }
