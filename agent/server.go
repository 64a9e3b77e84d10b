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

// listenAgain is the pause after the port was found taken, by an agent that is still ending, or one too many.
const listenAgain = 5 * time.Second

// A stall says what no longer turns, "" if everything does.
type stall func(now time.Time) string

// A server serves /healthz and /metrics. That it accepts connections is itself a testimony: the controller dials it
// when the node falls silent.
type server struct {
	address string
	handler http.Handler
	log     *slog.Logger
}

func newServer(address string, registry *prometheus.Registry, log *slog.Logger, stalls ...stall) *server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		for _, stalled := range stalls {
			if what := stalled(time.Now()); what != "" {
				http.Error(w, what, http.StatusServiceUnavailable)
				return
			}
		}
		fmt.Fprintln(w, "ok")
	})
	return &server{address: address, handler: mux, log: log}
}

// Run serves until ctx ends. A port that is taken does not end the agent: a node that is looked at by an agent nobody
// can dial is better off than one that is not looked at.
func (s *server) Run(ctx context.Context) error {
	if s.address == "" {
		return nil
	}
	said := false
	for {
		if err := s.serve(ctx); ctx.Err() == nil && !said {
			said = true
			s.log.Warn("cannot serve /healthz and /metrics, still trying; set healthAddress, or end who listens there",
				"address", s.address, "err", err)
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
	s.log.Debug("serving /healthz and /metrics", "address", listener.Addr().String())
	server := &http.Server{Handler: s.handler, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // nothing here is worth a graceful end
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
