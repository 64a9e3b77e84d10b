package docker

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

func TestJudge(t *testing.T) {
	for status, want := range map[int]daemon.AnswerKind{200: daemon.Good, 500: daemon.Bad, 404: daemon.CannotAsk} {
		require.Equal(t, want, judge(host.Reply{Status: status}).Kind)
	}
}

func TestProbe(t *testing.T) {
	paths := hosttest.NewMachine(t) // no systemd: dockerd started by hand
	probe := New(config.DefaultChecks().Docker, host.Open(paths))
	look := func() ([]check.Finding, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		defer cancel()
		return probe.Probe(ctx)
	}
	_, err := look()
	require.ErrorIs(t, err, check.ErrNotApplicable)

	var pinged string
	hosttest.ServeHTTP(t, paths, config.DefaultChecks().Docker.Socket, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pinged = r.URL.Path
		_, _ = w.Write([]byte("OK"))
	}))
	hosttest.Process{PID: 30, Name: "dockerd"}.Add(t, paths)
	findings, err := look()
	require.NoError(t, err)
	require.Empty(t, findings)
	require.Equal(t, "/_ping", pinged)

	hosttest.Frozen(t, paths, config.DefaultChecks().Docker.Socket)
	findings, err = look()
	require.NoError(t, err)
	require.Equal(t, v1alpha1.ReasonDockerNotAnswering, findings[0].Reason)
}

func TestProbe_ADockerdInAPodIsNotTheHosts(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.Process{PID: 30, Name: "dockerd", InContainer: true}.Add(t, paths)
	_, err := New(config.DefaultChecks().Docker, host.Open(paths)).Probe(t.Context())
	require.ErrorIs(t, err, check.ErrNotApplicable)
}
