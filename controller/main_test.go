package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// kubeconfig writes one for an API server at an address.
func kubeconfig(t *testing.T, address string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(path, []byte(`{apiVersion: v1, kind: Config, current-context: c,
clusters: [{name: c, cluster: {server: "`+address+`"}}], users: [{name: c, user: {token: t}}],
contexts: [{name: c, context: {cluster: c, user: c}}]}`), 0o600))
	return path
}

// output is what a running controller says.
type output struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func TestRun_RefusesWhatMakesNoSense(t *testing.T) {
	write := func(content string) string {
		path := filepath.Join(t.TempDir(), "controller.yaml")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"an argument that is no flag", []string{"now"}, `"now" is not a flag; see --help`},
		{"a file that is not there", []string{"--config", "/nowhere.yaml"}, "check --config"},
		{"an unknown key", []string{"--config", write("metricAddress: :1")}, "metricAddress: unknown key"},
		{"a default policy whose window is shorter than the heartbeat", []string{"--config", write("defaultPolicy: {budget: {window: 2s}}")},
			"defaultPolicy: spec.budget.window: 2s is shorter than three heartbeats of 1s"},
		{"a kubeconfig that is not there", []string{"--kubeconfig", "/nowhere"}, "check --kubeconfig"},
		{"clean-up with an argument", []string{"cleanup", "now"}, `"now" is not a flag; see --help`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := run(t.Context(), test.args, &output{})
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestRun_PrintsItsVersion(t *testing.T) {
	out := &output{}
	require.NoError(t, run(t.Context(), []string{"--version"}, out))
	require.Equal(t, "dev\n", out.String())
}

// apiServer answers discovery and access reviews as a test wants.
type apiServer struct {
	mu     sync.Mutex // guards everything below
	kinds  []string
	denied map[string]bool // "verb resource"
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/apis/bulkhead.dev/v1alpha1" && len(a.kinds) > 0:
		list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}}
		for _, k := range a.kinds {
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: k})
		}
		_ = json.NewEncoder(w).Encode(list)
	case r.URL.Path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews":
		var review authorizationv1.SelfSubjectAccessReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		asked := review.Spec.ResourceAttributes
		review.Status.Allowed = !a.denied[asked.Verb+" "+asked.Resource]
		_ = json.NewEncoder(w).Encode(review)
	default:
		w.Header().Set("Content-Type", "text/plain")
		http.NotFound(w, r)
	}
}

// waiting builds a controller against an API server; it does not run it.
func waiting(t *testing.T, address string) (*controller, *output) {
	t.Helper()
	c, err := configure(flags{Flags: config.Flags{Kubeconfig: kubeconfig(t, address)}, identity: "c1"})
	require.NoError(t, err)
	out := &output{}
	k, err := wire(c, slog.New(slog.NewTextHandler(out, nil)))
	require.NoError(t, err)
	k.clients.kube = jsonClient(t, k)
	return k, out
}

func TestMissing_SaysWhatWhereAndWhatToDo(t *testing.T) {
	a := &apiServer{denied: map[string]bool{}}
	server := httptest.NewServer(a)
	defer server.Close()
	k, _ := waiting(t, server.URL)

	err := k.missing(t.Context())
	require.ErrorContains(t, err, "the cluster does not know bulkhead.dev/v1alpha1; install the CRDs")

	a.kinds = kinds[:4]
	err = k.missing(t.Context())
	require.ErrorContains(t, err, "the cluster does not know protectionlocks, isolationledgers in bulkhead.dev/v1alpha1; install the CRDs")

	a.kinds = kinds
	a.denied = map[string]bool{"patch nodes": true, "list protectionlocks": true}
	err = k.missing(t.Context())
	require.ErrorContains(t, err, "not allowed to patch nodes, list protectionlocks.bulkhead.dev; grant it")

	a.denied = nil
	require.NoError(t, k.missing(t.Context()))

	server.Close()
	err = k.missing(t.Context())
	require.ErrorContains(t, err, fmt.Sprintf("the API server at %s does not answer", server.URL))
}

func TestAwaitNeeds_SaysItOnceAndNeverGivesUp(t *testing.T) {
	k, out := waiting(t, "http://127.0.0.1:1")
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	require.False(t, k.awaitNeeds(ctx))
	require.Equal(t, 1, bytes.Count([]byte(out.String()), []byte("\n")), out.String())
	require.Contains(t, out.String(), "cannot guard this cluster yet, waiting")
	require.ErrorContains(t, k.ready(), "does not answer")
	require.NoError(t, k.healthy(), "waiting is no reason to be restarted")
}

func TestWire_PassesEverySettingOn(t *testing.T) {
	c, err := configure(flags{Flags: config.Flags{File: "../internal/config/testdata/controller/every-field.good.yaml", Kubeconfig: kubeconfig(t, "http://127.0.0.1:1")}})
	require.NoError(t, err)
	k, err := wire(c, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Equal(t, "c1", k.config.Identity)
	require.Equal(t, "bulkhead", k.config.Namespace)
	require.Equal(t, "127.0.0.1:9998", k.server.Address)
	require.Equal(t, 10*time.Second, c.Beats.Period(1000))
	require.Equal(t, 10, k.config.Evictions.PerSecond)
	require.True(t, k.config.DefaultPolicy.DryRun)
	require.Equal(t, 45*time.Minute, k.config.DefaultPolicy.Budget.Window.Duration)
	require.Equal(t, v1alpha1.ProfileCareful, k.config.DefaultPolicy.Profile, "the rest has its defaults")
	o := k.census.Options()
	require.Equal(t, 10251, o.KubeletPort)
	require.Equal(t, 10297, o.AgentPort)
	require.Equal(t, 10*time.Second, o.Period(1000))
	require.Equal(t, 500*time.Millisecond, k.dialer.Timeout())
}

func TestIdentity_IsNewWithEveryProcess(t *testing.T) {
	a, err := identity()
	require.NoError(t, err)
	b, err := identity()
	require.NoError(t, err)
	require.NotEqual(t, a, b)
}
