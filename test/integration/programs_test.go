//go:build integration

package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/test/bed"
)

// file writes a file of the test and returns its path.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// start runs one of our programs until the test ends.
func start(t *testing.T, program, config string) *bed.Process {
	t.Helper()
	p, err := bed.Start(program, theBed.Bin(program), "--config="+file(t, "config.yaml", config))
	require.NoError(t, err)
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", program, p.Log())
		}
	})
	return p
}

// agentConfig is that of an agent of n1 that runs on this machine, with a kubeconfig.
func agentConfig(t *testing.T, kubeconfig string) string {
	t.Helper()
	return fmt.Sprintf("nodeName: n1\nkubeconfig: %s\nstateDir: %s\nhealthAddress: 127.0.0.1:0\n", kubeconfig, t.TempDir())
}

func agentKubeconfig(t *testing.T) string {
	t.Helper()
	text, err := theBed.AgentKubeconfig(t.Context(), "n1")
	require.NoError(t, err)
	return file(t, "agent.kubeconfig", text)
}

func controllerConfig(t *testing.T, identity, kubeconfig string) string {
	t.Helper()
	return fmt.Sprintf("identity: %s\nkubeconfig: %s\nmetricsAddress: 127.0.0.1:0\n", identity, kubeconfig)
}

func controllerKubeconfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "controller.kubeconfig")
	require.NoError(t, theBed.AccountKubeconfig(t.Context(), v1alpha1.SystemNamespace, "bulkhead-controller", path))
	return path
}

// says waits until a program has said something of weight, and checks that it says it on one line and lives on.
func says(t *testing.T, p *bed.Process, text string) {
	t.Helper()
	eventually(t, p.Name+" to say "+text, func() error {
		if !strings.Contains(p.Log(), text) {
			return fmt.Errorf("it said:\n%s", p.Log())
		}
		return nil
	})
	select {
	case <-p.Done():
		require.Fail(t, "it ended: a crash loop", p.Log())
	case <-time.After(4 * time.Second): // several attempts
	}
	n := 0
	for line := range strings.Lines(p.Log()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	require.Equal(t, 1, n, "said once, not at every attempt:\n%s", p.Log())
}

// A configuration that makes no sense ends a program at once: the file, the place in it, and what to write instead.
func TestPrograms_RefuseAConfigurationThatMakesNoSense(t *testing.T) {
	for _, tc := range []struct{ name, program, config, said string }{
		{"an unknown key", bed.AgentProgram, "heartbeet: {}", "heartbeet: unknown key; did you mean heartbeat?"},
		{"an unknown key", bed.ControllerProgram, "dails: {}", "dails: unknown key; did you mean dials?"},
		{"a threshold of 0", bed.AgentProgram, "checks: {settings: {kubelet: {failAfter: 0}}}", "checks.settings.kubelet.failAfter: 0 is not a threshold; use 1 to 1000, the default is 3"},
		{"a window shorter than the heartbeat", bed.ControllerProgram, "defaultPolicy: {budget: {window: 2s}}", "window"},
		{"a check that does not exist", bed.AgentProgram, "checks: {settings: {kublet: {failAfter: 1}}}", "checks.settings.kublet"},
	} {
		t.Run(tc.program+" "+tc.name, func(t *testing.T) {
			config := file(t, "config.yaml", tc.config)
			out, err := exec.CommandContext(t.Context(), theBed.Bin(tc.program), "--config="+config).CombinedOutput()
			require.Error(t, err)
			text := strings.TrimSpace(string(out))
			require.NotContains(t, text, "\n", "one line")
			require.Contains(t, text, tc.said)
			t.Log(text)
		})
	}
}

// dead is a kubeconfig of an API server that is down.
func dead(t *testing.T) string {
	t.Helper()
	return file(t, "dead.kubeconfig", `{apiVersion: v1, kind: Config, current-context: x,
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1", insecure-skip-tls-verify: true}}],
users: [{name: u, user: {token: none}}], contexts: [{name: x, context: {cluster: c, user: u}}]}`)
}

func TestPrograms_WaitForAnAPIServerThatIsDown(t *testing.T) {
	agent := start(t, bed.AgentProgram, agentConfig(t, dead(t)))
	controller := start(t, bed.ControllerProgram, controllerConfig(t, "c1", dead(t)))
	says(t, agent, "the API server does not answer; checks go on")
	says(t, controller, "cannot guard this cluster yet, waiting")
}

func TestPrograms_SayWhichCRDIsMissingAndGoOnWhenItIsThere(t *testing.T) {
	t.Cleanup(func() { forgetCluster(t) })
	_, err := theBed.Kubectl(t.Context(), "delete", "crd", "nodehealths."+v1alpha1.GroupName)
	require.NoError(t, err)
	agent := start(t, bed.AgentProgram, agentConfig(t, agentKubeconfig(t)))
	controller := start(t, bed.ControllerProgram, controllerConfig(t, "c1", controllerKubeconfig(t)))
	says(t, agent, "the API server does not know NodeHealth; install the chart's CRDs")
	says(t, controller, "cannot guard this cluster yet, waiting")
	require.Contains(t, controller.Log(), "nodehealths")
	require.NoError(t, upgrade(t.Context()))
	heard(t, "n1")
}

func TestPrograms_SayWhichRightIsMissingAndGoOnWhenItIsThere(t *testing.T) {
	t.Cleanup(func() { forgetCluster(t) })
	_, err := theBed.Kubectl(t.Context(), "delete", "clusterrolebinding", "bulkhead-agent", "bulkhead-controller")
	require.NoError(t, err)
	agent := start(t, bed.AgentProgram, agentConfig(t, agentKubeconfig(t)))
	controller := start(t, bed.ControllerProgram, controllerConfig(t, "c1", controllerKubeconfig(t)))
	says(t, agent, "the API server refuses us; install the chart's roles for the agent")
	says(t, controller, "cannot guard this cluster yet, waiting")
	require.NoError(t, upgrade(t.Context()))
	heard(t, "n1")
}

// upgrade installs again what is missing of the release.
func upgrade(ctx context.Context) error {
	_, err := theBed.Helm(ctx, append([]string{
		"upgrade", "bulkhead", theBed.Root + "/charts/bulkhead", "--namespace", "bulkhead-system"}, noPods...)...)
	return err
}

// heard waits until the controller shows that it hears a node.
func heard(t *testing.T, node string) {
	t.Helper()
	eventually(t, node+" to be heard", func() error {
		nh, err := bulkhead.BulkheadV1alpha1().NodeHealths().Get(t.Context(), node, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if l := nh.Status.Lease; l == nil || l.State != v1alpha1.LeaseFresh || nh.Status.Agent == nil {
			return fmt.Errorf("%s is %q, its lease %v", node, nh.Status.State, l)
		}
		return nil
	})
}

// forgetCluster removes what controllers have made, for the tests after this one. It runs when they have ended.
func forgetCluster(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for _, argv := range [][]string{
		{"delete", "nodehealths,isolationledgers,nodeisolationpolicies", "--all"},
		{"delete", "leases", "--all", "-n", v1alpha1.HeartbeatNamespace},
		{"delete", "lease", "bulkhead-controller", "-n", v1alpha1.SystemNamespace, "--ignore-not-found"},
	} {
		_, err := theBed.Kubectl(ctx, argv...)
		require.NoError(t, err)
	}
}

func ledger(t *testing.T) *v1alpha1.IsolationLedger {
	t.Helper()
	l, err := bulkhead.BulkheadV1alpha1().IsolationLedgers().Get(t.Context(), v1alpha1.LedgerName, metav1.GetOptions{})
	if err != nil {
		return &v1alpha1.IsolationLedger{}
	}
	return l
}

func TestControllers_TheNextLeadsWithTheNextEpoch(t *testing.T) {
	t.Cleanup(func() { forgetCluster(t) })
	processes := map[string]*bed.Process{}
	for _, identity := range []string{"c1", "c2"} {
		processes[identity] = start(t, bed.ControllerProgram, controllerConfig(t, identity, controllerKubeconfig(t)))
	}
	eventually(t, "a leader", func() error {
		if ledger(t).Leader == "" {
			return fmt.Errorf("nobody leads")
		}
		return nil
	})
	before := ledger(t)
	processes[before.Leader].Kill()
	killed := time.Now()
	eventually(t, "the next leader", func() error {
		if l := ledger(t); l.Leader == before.Leader || l.Epoch != before.Epoch+1 {
			return fmt.Errorf("%s leads epoch %d", l.Leader, l.Epoch)
		}
		return nil
	})
	took := time.Since(killed)
	t.Logf("the next led %s after the kill", took.Round(time.Millisecond))
	require.Less(t, took, 8*time.Second, "lease 4 s + retry 0.5 s, on a busy machine")
}

// The API server stands still, and with it every watch and beat: nobody is called dead for it, and everything goes on by
// itself.
func TestPrograms_GoOnAfterTheAPIServerStoodStill(t *testing.T) {
	t.Cleanup(func() { forgetCluster(t) })
	start(t, bed.AgentProgram, agentConfig(t, agentKubeconfig(t)))
	controller := start(t, bed.ControllerProgram, controllerConfig(t, "c1", controllerKubeconfig(t)))
	heard(t, "n1")
	signalAPIServer(t, "-STOP")
	time.Sleep(8 * time.Second) // not a wait for anything: this is how long it stands still
	signalAPIServer(t, "-CONT")
	from := time.Now()
	eventually(t, "n1 to be heard again", func() error {
		nh, err := bulkhead.BulkheadV1alpha1().NodeHealths().Get(t.Context(), "n1", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if l := nh.Status.Lease; l.State != v1alpha1.LeaseFresh || l.LastBeat.Time.Before(from) {
			return fmt.Errorf("the newest beat is of %s", l.LastBeat.Time)
		}
		require.NotEqual(t, v1alpha1.NodeDown, nh.Status.State)
		return nil
	})
	t.Logf("heard %s after it went on", time.Since(from).Round(time.Millisecond))
	require.Empty(t, ledger(t).Permits)
	require.NotContains(t, controller.Log(), "NodeDown")
}

func signalAPIServer(t *testing.T, signal string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "pkill", signal, "-x", "kube-apiserver").CombinedOutput()
	require.NoError(t, err, string(out))
}
