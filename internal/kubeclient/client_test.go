package kubeclient_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/internal/kubeclient"
)

// apiServer answers over TLS and HTTP/2, as the real one does, with the EndpointSlices of default/kubernetes.
func apiServer(t *testing.T, endpoints ...string) *httptest.Server {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/hang":
			<-r.Context().Done()
		case strings.HasSuffix(r.URL.Path, "/endpointslices"):
			if r.URL.Query().Get("labelSelector") != "kubernetes.io/service-name=kubernetes" {
				http.Error(w, "which slices?", http.StatusBadRequest)
				return
			}
			var items []string
			for _, endpoint := range endpoints {
				host, port, _ := net.SplitHostPort(endpoint)
				items = append(items, fmt.Sprintf(`{"endpoints":[{"addresses":[%q]}],"ports":[{"name":"https","port":%s}]}`, host, port))
			}
			fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
		default:
			fmt.Fprintf(w, "%s as %s", r.Proto, r.Header.Get("Authorization"))
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// configFor trusts the server and asks for it under the given host:port.
func configFor(server *httptest.Server, host string) *rest.Config {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return &rest.Config{Host: "https://" + host, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
}

func newClient(t *testing.T, config *rest.Config, o kubeclient.Options) *kubeclient.Client {
	client, err := kubeclient.NewFor(config, o)
	require.NoError(t, err)
	t.Cleanup(client.Reset)
	return client
}

func get(t *testing.T, client *kubeclient.Client, path string, within time.Duration) error {
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, client.Config().Host+path, nil)
	require.NoError(t, err)
	answer, err := client.HTTP().Do(request)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// refusing is an address nobody listens on, and silent one that accepts connections and never answers.
func refusing(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func silent(t *testing.T) (string, *atomic.Int32) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	var accepted atomic.Int32
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			t.Cleanup(func() { conn.Close() })
		}
	}()
	return listener.Addr().String(), &accepted
}

func TestClient_SpeaksHTTP2AndKnowsItsOwnAddress(t *testing.T) {
	server := apiServer(t)
	client := newClient(t, configFor(server, server.Listener.Addr().String()), kubeclient.Options{})
	require.False(t, client.LocalIP().IsValid())
	require.NoError(t, get(t, client, "/", time.Second))
	require.Equal(t, "127.0.0.1", client.LocalIP().String())
	require.Equal(t, "3", os.Getenv("HTTP2_READ_IDLE_TIMEOUT_SECONDS"))
	require.Equal(t, "2", os.Getenv("HTTP2_PING_TIMEOUT_SECONDS"))
}

func TestClient_GoesRoundADeadAddressAndStillVerifiesTheConfiguredHost(t *testing.T) {
	server := apiServer(t)
	// "localhost" is not in the certificate, 127.0.0.1 is: this passes only if the configured host is verified.
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for name, dead := range map[string]string{"refused": refusing(t), "swallowed": "192.0.2.1:6443"} {
		t.Run(name, func(t *testing.T) {
			config := configFor(server, dead)
			config.ServerName = "127.0.0.1"
			if name == "refused" {
				config.ServerName = "" // the URL's own host
			}
			client := newClient(t, config, kubeclient.Options{Servers: []string{"localhost:" + port}})
			require.NoError(t, get(t, client, "/", 800*time.Millisecond), "within the deadline of one beat")
		})
	}
}

func TestClient_RefusesAnImpostorAtARememberedAddress(t *testing.T) {
	server, impostor := apiServer(t), httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(impostor.Close)
	config := configFor(server, refusing(t))
	config.ServerName = "api.example.org" // what neither of them can prove
	client := newClient(t, config, kubeclient.Options{Servers: []string{impostor.Listener.Addr().String()}})
	require.ErrorContains(t, get(t, client, "/", time.Second), "certificate")
}

func TestClient_LeavesAnAddressThatHangsAfterReset(t *testing.T) {
	server := apiServer(t)
	hanging, accepted := silent(t)
	client := newClient(t, configFor(server, hanging), kubeclient.Options{Servers: []string{server.Listener.Addr().String()}})

	require.ErrorIs(t, get(t, client, "/", 200*time.Millisecond), context.DeadlineExceeded)
	require.EqualValues(t, 1, accepted.Load())
	client.Reset()
	require.NoError(t, get(t, client, "/", time.Second))
}

func TestClient_OneOverrunResetsOnce(t *testing.T) {
	server := apiServer(t)
	hanging, _ := silent(t)
	client := newClient(t, configFor(server, hanging), kubeclient.Options{Servers: []string{server.Listener.Addr().String()}})
	began := time.Now()
	require.ErrorIs(t, get(t, client, "/", 200*time.Millisecond), context.DeadlineExceeded)
	client.Overran(began) // the beat
	require.NoError(t, get(t, client, "/", time.Second))
	client.Overran(began) // the status write that began on the same dead connection
	require.NoError(t, get(t, client, "/", 200*time.Millisecond), "the new connection was not blamed for the old one")
}

func TestClient_ResetEndsCallsInFlight(t *testing.T) {
	server := apiServer(t)
	client := newClient(t, configFor(server, server.Listener.Addr().String()), kubeclient.Options{})
	require.NoError(t, get(t, client, "/", time.Second))
	sent, ended := make(chan struct{}), make(chan error)
	traced := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) },
	})
	request, err := http.NewRequestWithContext(traced, http.MethodGet, client.Config().Host+"/hang", nil)
	require.NoError(t, err)
	go func() {
		answer, err := client.HTTP().Do(request)
		if err == nil {
			err = answer.Body.Close()
		}
		ended <- err
	}()
	<-sent
	client.Reset()
	select {
	case err := <-ended:
		require.Error(t, err)
	case <-time.After(5 * time.Second):
		t.Fatal("the call outlived its connection")
	}
	require.NoError(t, get(t, client, "/", time.Second), "the only address is used again, demoted or not")
}

func TestClient_SaysWhichAddressesItTried(t *testing.T) {
	server := apiServer(t)
	first, second := refusing(t), refusing(t)
	client := newClient(t, configFor(server, first), kubeclient.Options{Servers: []string{second}})
	err := get(t, client, "/", time.Second)
	require.ErrorContains(t, err, first)
	require.ErrorContains(t, err, second)
}

func TestClient_RemembersTheAPIServersOverARestart(t *testing.T) {
	server := apiServer(t, "10.1.2.3:6443", "127.0.0.1:1")
	address := server.Listener.Addr().String()
	dir := filepath.Join(t.TempDir(), "state")
	ctx, cancel := context.WithCancel(t.Context())
	client := newClient(t, configFor(server, address), kubeclient.Options{StateDir: dir})
	ran := make(chan error)
	go func() { ran <- client.Run(ctx) }()
	remembered := filepath.Join(dir, "apiservers.json")
	require.Eventually(t, func() bool { _, err := os.Stat(remembered); return err == nil }, 5*time.Second, 5*time.Millisecond)
	cancel()
	require.NoError(t, <-ran)
	data, err := os.ReadFile(remembered)
	require.NoError(t, err)
	require.JSONEq(t, `["10.1.2.3:6443","127.0.0.1:1"]`, string(data))

	// A node whose Service address died: only the disk knows where to go.
	require.NoError(t, os.WriteFile(remembered, []byte(`["`+address+`"]`), 0o600))
	restarted := newClient(t, configFor(server, refusing(t)), kubeclient.Options{StateDir: dir})
	require.NoError(t, get(t, restarted, "/", time.Second))
}

func TestClient_StartsWithABrokenMemory(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "apiservers.json"), []byte("{"), 0o600))
	server := apiServer(t)
	client := newClient(t, configFor(server, server.Listener.Addr().String()), kubeclient.Options{StateDir: dir})
	require.NoError(t, get(t, client, "/", time.Second))
}

func TestClient_ReadsTheTokenFromItsFile(t *testing.T) {
	server := apiServer(t)
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("first"), 0o600))
	config := configFor(server, server.Listener.Addr().String())
	config.BearerTokenFile = token
	client := newClient(t, config, kubeclient.Options{})
	answer, err := client.HTTP().Get(config.Host)
	require.NoError(t, err)
	defer answer.Body.Close()
	body := make([]byte, 100)
	n, _ := answer.Body.Read(body)
	require.Equal(t, "HTTP/2.0 as Bearer first", string(body[:n]))
}

func TestNew_SaysWhatToCheckWithoutCredentials(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	_, err := kubeclient.New(kubeclient.Options{})
	require.ErrorContains(t, err, "outside a cluster give --kubeconfig")
	_, err = kubeclient.New(kubeclient.Options{Kubeconfig: "/nowhere"})
	require.ErrorContains(t, err, "check --kubeconfig")
}

func TestClock_FollowsTheServersDate(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
	}))
	t.Cleanup(server.Close)
	client := newClient(t, configFor(server, server.Listener.Addr().String()), kubeclient.Options{})
	_, known := client.Clock().ServerNow(time.Now())
	require.False(t, known)

	require.NoError(t, get(t, client, "/", time.Second))
	now := time.Now()
	skew, known := client.Clock().Skew(now)
	require.True(t, known)
	require.InDelta(t, time.Hour, skew, float64(3*time.Second))
	server1, _ := client.Clock().ServerNow(now)
	server2, _ := client.Clock().ServerNow(now.Add(time.Minute))
	require.Equal(t, time.Minute, server2.Sub(server1))
}
