package httpserver_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/internal/httpserver"
)

const soon, often = 15 * time.Second, 10 * time.Millisecond

// log is read while it is written.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func start(t *testing.T, address string, handler http.Handler) *log {
	out := &log{}
	server := httpserver.Server{Address: address, Setting: "healthAddress", Handler: handler, Log: slog.New(slog.NewTextHandler(out, nil))}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	return out
}

func get(address, path string) (status int, body string) {
	answer, err := http.Get("http://" + address + path)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(text)
}

func TestServer_WaitsForATakenPortAndSaysSoOnce(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := taken.Addr().String()
	out := start(t, address, httpserver.Handler(prometheus.NewRegistry(), map[string]func() error{"/healthz": func() error { return nil }}))
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "setting=healthAddress") }, soon, often)
	require.NoError(t, taken.Close())
	require.Eventually(t, func() bool { status, _ := get(address, "/healthz"); return status == http.StatusOK }, soon, often)
	require.Equal(t, 1, strings.Count(out.String(), "level=WARN"), out.String())
}

func TestHandler_AnswersByTheCheck(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "bulkhead_test_total", Help: "A test's."}))
	start(t, address, httpserver.Handler(registry, map[string]func() error{
		"/livez":  func() error { return nil },
		"/readyz": func() error { return errors.New("the CRDs are missing") },
	}))
	require.Eventually(t, func() bool { status, _ := get(address, "/livez"); return status == http.StatusOK }, soon, often)
	status, body := get(address, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "the CRDs are missing\n", body)
	_, body = get(address, "/metrics")
	require.Contains(t, body, "bulkhead_test_total 0")
	status, _ = get(address, "/debug/pprof/")
	require.Equal(t, http.StatusNotFound, status)
}

func TestServer_NoAddressServesNothing(t *testing.T) {
	require.NoError(t, httpserver.Server{}.Run(t.Context()))
}
