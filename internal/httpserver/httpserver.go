// Package httpserver serves the few HTTP endpoints of our programs: their health and their metrics.
package httpserver

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

// listenAgain is the pause after the port was found taken, by a process that is still ending, or one too many.
const listenAgain = 5 * time.Second

// Server serves Handler at Address; nothing if Address is empty.
type Server struct {
	Address string // host:port
	Setting string // that sets Address, for the log
	Handler http.Handler
	Log     *slog.Logger
}

// Handler answers GET /metrics from the registry and each of the given paths by its check.
func Handler(registry *prometheus.Registry, checks map[string]func() error) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	for path, check := range checks {
		mux.HandleFunc("GET "+path, answer(check))
	}
	return mux
}

// answer is 200, or 503 and the error's text.
func answer(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := check(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

// Run serves until ctx ends. A port that is taken ends nothing: a program that nobody can look at is better than none.
func (s Server) Run(ctx context.Context) error {
	if s.Address == "" {
		return nil
	}
	said := false
	for {
		if err := s.serve(ctx); ctx.Err() == nil && !said {
			said = true
			s.Log.Warn("cannot serve health and metrics, still trying; change the setting, or end who listens there",
				"setting", s.Setting, "address", s.Address, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(listenAgain):
		}
	}
}

func (s Server) serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Address)
	if err != nil {
		return err
	}
	s.Log.Debug("serving health and metrics", "address", listener.Addr().String())
	server := &http.Server{Handler: s.Handler, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // nothing here is worth a graceful end
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
