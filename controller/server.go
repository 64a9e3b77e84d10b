package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// listenAgain is the pause after the port was found taken, by a controller that is still ending, or one too many.
const listenAgain = 5 * time.Second

// server serves /metrics, /healthz (the process answers), /livez (passes are turning) and /readyz (everything needed is
// there, and the view is filled).
type server struct {
	address string
	handler http.Handler
	log     *slog.Logger
}

func newServer(address string, registry *prometheus.Registry, live, ready func() error, log *slog.Logger) *server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", answer(func() error { return nil }))
	mux.HandleFunc("GET /livez", answer(live))
	mux.HandleFunc("GET /readyz", answer(ready))
	return &server{address: address, handler: mux, log: log}
}

func answer(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := check(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

// Run serves until ctx ends. A port that is taken does not end the controller: one that nobody can watch is better than
// none.
func (s *server) Run(ctx context.Context) error {
	if s.address == "" {
		return nil
	}
	said := false
	for {
		if err := s.serve(ctx); ctx.Err() == nil && !said {
			said = true
			s.log.Warn("cannot serve /metrics and /livez, still trying; set metricsAddress, or end who listens there", "address", s.address, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(listenAgain):
		}
	}
}

func (s *server) serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s.handler, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // nothing here is worth a graceful end
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// healthy says whether passes are turning. A standby has none.
func (k *controller) healthy() error {
	if l := k.term.Load(); l != nil {
		return l.Healthy(time.Now())
	}
	return nil
}

// ready says whether this controller could lead. A standby can.
func (k *controller) ready() error {
	if why := k.readiness.Load(); why != nil {
		return errors.New(*why)
	}
	return errors.Join(k.census.Missing()...)
}
