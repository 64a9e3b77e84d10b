package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/report"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat/leasebeat"
	"github.com/bulkhead-dev/bulkhead/internal/httpserver"
	"github.com/bulkhead-dev/bulkhead/internal/kubeclient"
	"github.com/bulkhead-dev/bulkhead/internal/version"
)

// An agent is everything that runs, connected.
type agent struct {
	doors    host.Doors
	checks   []check.Check
	kube     *kubeclient.Client
	told     heartbeat.Told // by the controller; nil if the transport has no room for it
	runner   *check.Runner
	report   *report.Report
	shutdown report.Shutdown
	server   httpserver.Server
}

// wire builds the agent. It talks to nobody yet: an API server that is down at start must not keep the checks from
// running. planned says whether the agent was asked to end.
func wire(c config.Agent, planned func() bool, log *slog.Logger) (*agent, error) {
	paths := host.Paths{Root: c.HostRoot}
	a := &agent{doors: host.Open(paths)}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	var err error
	if a.checks, err = checks(c.Checks, a.doors, a.knows()); err != nil {
		return nil, err
	}
	looks, err := newTurning(a.checks, registry)
	if err != nil {
		return nil, err
	}
	if a.runner, err = check.NewRunner(a.checks, looks, log); err != nil {
		return nil, err
	}
	if a.kube, err = kubeclient.New(kubeOptions(c, log)); err != nil {
		return nil, err
	}
	options, err := reportOptions(c, paths, a.kube)
	if err != nil {
		return nil, err
	}
	a.told, _ = options.Publisher.(heartbeat.Told)
	options.Beliefs, options.Planned, options.Registry, options.Log = a.runner, planned, registry, log
	if a.report, err = report.New(options); err != nil {
		return nil, err
	}
	a.shutdown = report.Shutdown{Socket: paths.At("/run/dbus/system_bus_socket"), Report: a.report, Log: log}
	a.server = httpserver.Server{
		Address: c.HealthAddress, Setting: "healthAddress", Log: log,
		Handler: httpserver.Handler(registry, map[string]func() error{"/healthz": healthy(looks.stalled, stalledBeats(a.report))}),
	}
	return a, nil
}

// run runs all of it until ctx ends or one of them fails.
func (a *agent) run(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return a.runner.Run(running) })   // looks
	group.Go(func() error { return a.report.Run(running) })   // says what was seen, and that we live
	group.Go(func() error { return a.shutdown.Run(running) }) // says that we leave
	group.Go(func() error { return a.kube.Run(running) })     // remembers other ways to the API server
	group.Go(func() error { return a.server.Run(running) })   // /healthz and /metrics
	if err := group.Wait(); ctx.Err() == nil {
		return err
	}
	return nil // we were asked to end; what the parts say about it is no failure
}

func (a *agent) close() { a.doors.Close() }

func kubeOptions(c config.Agent, log *slog.Logger) kubeclient.Options {
	return kubeclient.Options{
		Kubeconfig: c.Kubeconfig,
		Servers:    c.APIServers,
		StateDir:   c.StateDir,
		UserAgent:  "bulkhead-agent/" + version.Version,
		Log:        log,
	}
}

// reportOptions is who we are and how we speak to the API server.
func reportOptions(c config.Agent, paths host.Paths, kube *kubeclient.Client) (report.Options, error) {
	boot, err := bootID(paths)
	if err != nil {
		return report.Options{}, err
	}
	leases, err := leasebeat.NewClient(kube)
	if err != nil {
		return report.Options{}, err
	}
	ours, err := kube.REST(v1alpha1.SchemeGroupVersion, runtime.NewScheme()) // patches are plain JSON: no types to know
	if err != nil {
		return report.Options{}, err
	}
	return report.Options{
		Node:      c.NodeName,
		NodeUID:   nodeUID(kube.Config().BearerTokenFile),
		Holder:    newHolder(c.NodeName),
		BootID:    boot,
		Version:   version.Version,
		Writer:    report.NewNodeHealthWriter(ours, c.NodeName),
		Publisher: leasebeat.NewPublisher(leases, c.NodeName),
		Address:   func() string { return dialable(c.HealthAddress, kube.LocalIP()) },
		Overran:   kube.Overran,
		Beats:     c.Heartbeat,
		Status:    c.Report,
	}, nil
}
