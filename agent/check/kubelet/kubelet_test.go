package kubelet

import (
	"context"
	_ "embed"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
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

//go:embed testdata/healthz-500.txt
var ill string

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		reply   host.Reply
		kind    daemon.AnswerKind
		message string
	}{
		"ok":                        {reply: host.Reply{Status: 200, Body: "ok"}, kind: daemon.Good},
		"names the lines that fail": {reply: host.Reply{Status: 500, Body: ill}, kind: daemon.Bad, message: "healthz answers 500: [-]syncloop failed: reason withheld"},
		"an error without lines":    {reply: host.Reply{Status: 503, Body: "no\n"}, kind: daemon.Bad, message: "healthz answers 503: no"},
		"somebody else":             {reply: host.Reply{Status: 404}, kind: daemon.CannotAsk},
		"wants a login":             {reply: host.Reply{Status: 401}, kind: daemon.CannotAsk},
	} {
		t.Run(name, func(t *testing.T) {
			got := judge(c.reply)
			require.Equal(t, c.kind, got.Kind)
			require.Equal(t, c.message, got.Finding.Message)
		})
	}
}

func TestProbe_AMultiCallBinaryIsFoundThroughItsUnit(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	defer server.Close()
	paths, o := node(t, server.URL)
	hosttest.Process{PID: 40, Name: "kbed", State: 'Z'}.Add(t, paths)
	probe := New(o, host.Open(paths))

	findings, err := look(t, probe)
	require.NoError(t, err)
	require.Empty(t, findings, "it answers")

	server.Close()
	findings, err = look(t, probe)
	require.NoError(t, err)
	require.Equal(t, v1alpha1.ReasonKubeletZombie, findings[0].Reason)
}

func TestProbe_TellsWhatIsWrong(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(ill))
	}))
	defer server.Close()
	paths, o := node(t, server.URL)
	hosttest.Process{PID: 40, Name: "kubelet"}.Add(t, paths)
	probe := New(o, host.Open(paths))
	_, err := look(t, probe)
	require.NoError(t, err)

	status = http.StatusInternalServerError
	findings, err := look(t, probe)
	require.NoError(t, err)
	require.Equal(t, v1alpha1.ReasonKubeletUnhealthy, findings[0].Reason)

	frozen, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer frozen.Close() //nolint:errcheck // a test
	o.HealthzURL = "http://" + frozen.Addr().String() + "/healthz"
	probe = New(o, host.Open(paths))
	findings, err = look(t, probe)
	require.NoError(t, err)
	require.Equal(t, v1alpha1.ReasonKubeletNotAnswering, findings[0].Reason)
	require.False(t, findings[0].Restarting, "active for an hour: no start excuses it")
}

func TestProbe_DoesNotApplyWithoutAKubelet(t *testing.T) {
	paths := hosttest.NewMachine(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o := config.DefaultChecks().Kubelet
	o.HealthzURL = "http://" + listener.Addr().String() + "/healthz"
	require.NoError(t, listener.Close())
	_, err = look(t, New(o, host.Open(paths)))
	require.ErrorIs(t, err, check.ErrNotApplicable)
}

// node has systemd and an active kubelet.service whose main process is 40.
func node(t *testing.T, url string) (host.Paths, config.KubeletSubject) {
	t.Helper()
	paths := hosttest.NewMachine(t)
	hosttest.StartSystemd(t, paths).Set(host.Unit{
		Name: "kubelet.service", ActiveState: "active", SubState: "running", MainPID: 40, InvocationID: "aa", ActiveFor: time.Hour,
	})
	o := config.DefaultChecks().Kubelet
	o.HealthzURL = strings.TrimSuffix(url, "/") + "/healthz"
	return paths, o
}

func look(t *testing.T, p *daemon.Probe) ([]check.Finding, error) {
	t.Helper()
	// Longer than a look, so that a busy machine is not taken for a frozen agent.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	return p.Probe(ctx)
}
