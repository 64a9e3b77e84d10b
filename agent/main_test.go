package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
	"github.com/bulkhead-dev/bulkhead/internal/kubeclient/kubeclienttest"
)

const (
	leasePath  = "/apis/coordination.k8s.io/v1/namespaces/" + v1alpha1.HeartbeatNamespace + "/leases/n1"
	healthPath = "/apis/bulkhead.dev/v1alpha1/nodehealths/n1"
	soon       = 10 * time.Second
	often      = 20 * time.Millisecond
)

type object = kubeclienttest.Object

// output is what an agent prints; it prints from many goroutines.
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

func write(t *testing.T, name, content string) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// kubeconfig asks for the server under the given address.
func kubeconfig(t *testing.T, server *kubeclienttest.Server, address string) string {
	ca := base64.StdEncoding.EncodeToString(server.Config().CAData)
	return write(t, "kubeconfig", fmt.Sprintf(`
clusters: [{name: c, cluster: {server: "https://%s", certificate-authority-data: %s}}]
contexts: [{name: c, context: {cluster: c}}]
current-context: c
`, address, ca))
}

func freePort(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// refusing hangs up on every caller and counts them.
func refusing(t *testing.T) (address string, calls *atomic.Int32) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	calls = new(atomic.Int32)
	go func() {
		for {
			caller, err := listener.Accept()
			if err != nil {
				return
			}
			calls.Add(1)
			caller.Close()
		}
	}()
	return listener.Addr().String(), calls
}

// machine is a node with one check: a process that does not run, so it is not applicable.
func machine(t *testing.T, more string) string {
	paths := hosttest.NewMachine(t)
	require.NoError(t, os.MkdirAll(filepath.Dir(paths.At("/proc/sys/kernel/random/boot_id")), 0o755))
	require.NoError(t, os.WriteFile(paths.At("/proc/sys/kernel/random/boot_id"), []byte("boot-1\n"), 0o600))
	return write(t, "agent.yaml", fmt.Sprintf("hostRoot: %s\nstateDir: %s\n%s", paths.Root, t.TempDir(), more))
}

// start runs an agent until stop, or until the test ends.
func start(t *testing.T, args ...string) (out *output, stop func()) {
	out = &output{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, out) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-ended:
				require.NoError(t, err)
			case <-time.After(soon):
				t.Error("the agent outlived its context")
			}
		})
	}
	t.Cleanup(stop)
	return out, stop
}

func field(o object, path ...string) any {
	for _, key := range path[:len(path)-1] {
		o, _ = o[key].(object)
	}
	return o[path[len(path)-1]]
}

func annotation(server *kubeclienttest.Server, key string) string {
	value, _ := field(server.Get(leasePath), "metadata", "annotations", key).(string)
	return value
}

func TestRun_ReportsBeatsAndLeaves(t *testing.T) {
	server := kubeclienttest.Start(t)
	server.Put(leasePath, object{})
	server.Put(healthPath, object{"status": object{"state": "Healthy"}})
	health := freePort(t)
	config := machine(t, "healthAddress: "+health)
	address := strings.TrimPrefix(server.Config().Host, "https://")
	out, stop := start(t, "--config", config, "--node-name", "n1", "--kubeconfig", kubeconfig(t, server, address))

	require.Eventually(t, func() bool {
		sequence, _ := field(server.Get(healthPath), "status", "agent", "sequence").(float64)
		return sequence > 0 && annotation(server, v1alpha1.AnnotationSequence) == fmt.Sprintf("%.0f", sequence)
	}, soon, often, "a beat vouches for the status that is stored")
	require.Equal(t, "boot-1", field(server.Get(healthPath), "status", "agent", "bootID"))
	require.Equal(t, "Healthy", field(server.Get(healthPath), "status", "state"), "what is the controller's stays")
	require.Equal(t, "boot-1", annotation(server, v1alpha1.AnnotationBootID))
	require.Equal(t, "1s", annotation(server, v1alpha1.AnnotationNextBeat))
	require.Equal(t, "Running", annotation(server, v1alpha1.AnnotationPhase))

	require.Eventually(t, func() bool { return get(t, "http://"+health+"/healthz") == "ok\n" }, soon, often)
	require.Contains(t, get(t, "http://"+health+"/metrics"), "bulkhead_agent_beats_total")
	stop()
	require.Equal(t, "Leaving", annotation(server, v1alpha1.AnnotationPhase))
	require.NotContains(t, out.String(), "level=ERROR")
}

func get(t *testing.T, url string) string {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(body)
}

func TestRun_FindsTheAPIServerRoundADeadAddress(t *testing.T) {
	server := kubeclienttest.Start(t)
	server.Put(leasePath, object{})
	address := strings.TrimPrefix(server.Config().Host, "https://")
	start(t, "--config", machine(t, "healthAddress: ''"), "--node-name", "n1",
		"--kubeconfig", kubeconfig(t, server, freePort(t)), "--api-server", address)
	require.Eventually(t, func() bool { return annotation(server, v1alpha1.AnnotationPhase) == "Running" }, soon, often)
}

func TestRun_KeepsTryingWhileTheAPIServerIsDownAndSaysSoOnce(t *testing.T) {
	server := kubeclienttest.Start(t)
	address, refused := refusing(t)
	out, _ := start(t, "--config", machine(t, "healthAddress: ''"), "--node-name", "n1", "--kubeconfig", kubeconfig(t, server, address))
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "the API server does not answer") }, soon, often)
	before := refused.Load()
	require.Eventually(t, func() bool { return refused.Load() >= before+6 }, 2*soon, often)
	require.Equal(t, 1, strings.Count(out.String(), "the API server does not answer; checks go on"), out.String())
}

func TestRun_SaysWhichPermissionIsMissing(t *testing.T) {
	server := kubeclienttest.Start(t)
	server.Fail(func(*http.Request) int { return http.StatusForbidden })
	address := strings.TrimPrefix(server.Config().Host, "https://")
	out, _ := start(t, "--config", machine(t, "healthAddress: ''"), "--node-name", "n1", "--kubeconfig", kubeconfig(t, server, address))
	require.Eventually(t, func() bool {
		return strings.Contains(out.String(), "install the chart's roles for the agent: Forbidden: PATCH "+healthPath+"/status")
	}, soon, often, "with the API server's own words")
}

func TestRun_SaysThatTheControllerIsMissing(t *testing.T) {
	server := kubeclienttest.Start(t)
	address := strings.TrimPrefix(server.Config().Host, "https://")
	out, _ := start(t, "--config", machine(t, "healthAddress: ''"), "--node-name", "n1", "--kubeconfig", kubeconfig(t, server, address))
	require.Eventually(t, func() bool {
		return strings.Contains(out.String(), "this node has no heartbeat lease yet") &&
			strings.Contains(out.String(), "this node has no NodeHealth yet")
	}, soon, often)
	server.Put(leasePath, object{})
	server.Put(healthPath, object{})
	require.Eventually(t, func() bool { return annotation(server, v1alpha1.AnnotationPhase) == "Running" }, soon, often)
	require.Eventually(t, func() bool { return field(server.Get(healthPath), "status", "agent") != nil }, soon, often)
}

func TestRun_OneLineForBadInput(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"an unknown flag":     {[]string{"--nope"}, "flag provided but not defined: -nope"},
		"an argument":         {[]string{"nope"}, `"nope" is not a flag; see --help`},
		"a file that is not":  {[]string{"--config", "/nowhere/agent.yaml"}, "check --config"},
		"an unknown key":      {[]string{"--config", write(t, "a.yaml", "nodename: n1")}, "a.yaml: nodename: unknown key; did you mean nodeName?"},
		"a threshold of 0":    {[]string{"--config", write(t, "b.yaml", "checks: {defaults: {failAfter: 0}}")}, "b.yaml: checks.defaults.failAfter: 0 is not a threshold"},
		"a bad node name":     {[]string{"--node-name", "Ä"}, "nodeName: "},
		"a bad API server":    {[]string{"--api-server", "10.0.0.1"}, `apiServers[0]: "10.0.0.1" is not an address`},
		"an unknown check":    {[]string{"--once", "--config", write(t, "c.yaml", "checks: {settings: {kublet: {}}}")}, "checks.settings.kublet: there is no such check"},
		"no cluster to be in": {[]string{"--config", machine(t, "")}, "outside a cluster give --kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBERNETES_SERVICE_HOST", "")
			require.ErrorContains(t, run(t.Context(), c.args, io.Discard), c.want)
		})
	}
}

func TestRun_OncePrintsATableWithoutACluster(t *testing.T) {
	var out bytes.Buffer
	err := run(t.Context(), []string{"--once", "--config", machine(t, "checks: {units: [{name: chrony, unit: chrony.service}]}")}, &out)
	if err != nil {
		require.ErrorIs(t, err, errUnhealthy)
	}
	require.Regexp(t, `(?m)^CHECK +STATE +REASON`, out.String())
	require.Regexp(t, `(?m)^chrony +`, out.String())
}

func TestRun_Version(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"--version"}, &out))
	require.Equal(t, "dev\n", out.String())
	require.NoError(t, run(t.Context(), []string{"--help"}, &out))
	require.Contains(t, out.String(), "api-server host:port")
}

func TestConfigure_FlagsWinOverEnvironmentWinsOverFile(t *testing.T) {
	file := write(t, "a.yaml", "nodeName: from-file\nkubeconfig: from-file\napiServers: ['file:1']")
	t.Setenv("NODE_NAME", "")
	c, err := configure(flags{Flags: config.Flags{File: file}})
	require.NoError(t, err)
	require.Equal(t, "from-file", c.NodeName)
	t.Setenv("NODE_NAME", "from-env")
	c, err = configure(flags{Flags: config.Flags{File: file, Kubeconfig: "flag", APIServers: []string{"flag:1"}}})
	require.NoError(t, err)
	require.Equal(t, "from-env", c.NodeName)
	require.Equal(t, "flag", c.Kubeconfig)
	require.Equal(t, []string{"flag:1"}, c.APIServers)
	c, err = configure(flags{Flags: config.Flags{File: file}, nodeName: "from-flag"})
	require.NoError(t, err)
	require.Equal(t, "from-flag", c.NodeName)
	name, err := nodeName("", "")
	require.NoError(t, err)
	require.NotEmpty(t, name)
}

func TestDialable(t *testing.T) {
	local, loopback := netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("127.0.0.1")
	for _, c := range []struct {
		listening string
		local     netip.Addr
		hostIP    string
		want      string
	}{
		{":10298", local, "", "10.0.0.7:10298"},
		{"0.0.0.0:10298", local, "", "10.0.0.7:10298"},
		{":10298", local, "10.9.9.9", "10.9.9.9:10298"},
		{":10298", netip.Addr{}, "", ""},
		{":10298", loopback, "", ""},
		{"127.0.0.1:10298", local, "10.9.9.9", ""},
		{"[fd00::1]:10298", local, "", "[fd00::1]:10298"},
		{"node.example:1", local, "", "node.example:1"},
		{"", local, "10.9.9.9", ""},
	} {
		t.Setenv("HOST_IP", c.hostIP)
		require.Equal(t, c.want, dialable(c.listening, c.local), "%+v", c)
	}
}

func TestNodeUID_FromTheTokenOfThePod(t *testing.T) {
	token := func(claims string) string {
		return write(t, "token", "x."+base64.RawURLEncoding.EncodeToString([]byte(claims))+".x")
	}
	require.EqualValues(t, "uid-1", nodeUID(token(`{"kubernetes.io":{"node":{"name":"n1","uid":"uid-1"}}}`)))
	require.Empty(t, nodeUID(token(`{"kubernetes.io":{}}`)))
	require.Empty(t, nodeUID(token(`nonsense`)))
	require.Empty(t, nodeUID(write(t, "token", "a static token")))
	require.Empty(t, nodeUID("/nowhere"))
	require.Empty(t, nodeUID(""))
}

// The agent's memory is its import graph: client-go's big scheme alone would triple it.
func TestAgent_DoesNotLinkTheBigScheme(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	forbidden := regexp.MustCompile(`(?m)^k8s\.io/client-go/(kubernetes|informers|tools/events|tools/leaderelection|applyconfigurations)(/.*)?$`)
	require.Empty(t, forbidden.FindAllString(string(out), -1))
	require.Contains(t, string(out), "k8s.io/client-go/rest", "the list is one of the agent")
}
