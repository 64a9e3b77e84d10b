//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

const crioUnit = `[Unit]
Description=Stand-in for CRI-O
[Service]
ExecStart=/opt/bulkhead/crio
`

// onCRIO is the configuration of an agent whose kubelet uses CRI-O.
const onCRIO = "checks: {defaults: {dwell: 3s}, runtime: {endpoint: unix:///run/crio/crio.sock}}"

// CRI-O itself cannot be had here; see criostandin.
func crioStopped(s *scene) {
	s.needHostAgent()
	s.installStandIn("n4")
	s.later(func() {
		_, err := s.bed.Exec(s.ctx, "n4", "bash", "-c", "systemctl stop crio; rm -rf /usr/lib/systemd/system/crio.service /run/crio; systemctl daemon-reload")
		require.NoError(s.t, err)
		require.NoError(s.t, s.bed.InstallHostAgent(s.ctx, "n4", agentConfig))
	})
	_, err := s.bed.Exec(s.ctx, "n4", "systemctl", "start", "crio")
	require.NoError(s.t, err)
	require.NoError(s.t, s.bed.InstallHostAgent(s.ctx, "n4", onCRIO))
	s.until("the agent to find it", 20*time.Second, inCheck("n4", "crio", v1alpha1.CheckHealthy), inState("n4", v1alpha1.NodeHealthy))

	pods := hello.On(s.view.Now(), "n4")
	at := s.harm("stop-unit", "n4", "crio")
	s.until("the check to fail", 15*time.Second, inCheck("n4", "crio", v1alpha1.CheckUnhealthy))
	s.isolated("n4", at, v1alpha1.ReasonRuntimeNotRunning, pods, v1alpha1.NodeUnhealthy)
	require.Equal(s.t, "crio", s.view.Now().Health("n4").Failing)
	s.refund()
	s.restore("start-unit", "n4", "crio")
	s.released("n4", time.Now())
}

func inCheck(node, check string, want v1alpha1.CheckState) condition {
	return func(s observe.State) error {
		if got := s.Check(node, check); got.State != want {
			return fmt.Errorf("check %s of %s is %q, not %s", check, node, got.State, want)
		}
		return nil
	}
}

func (s *scene) installStandIn(node string) {
	s.t.Helper()
	dir := s.t.TempDir()
	program, unit := filepath.Join(dir, "crio"), filepath.Join(dir, "crio.service")
	build := exec.CommandContext(s.ctx, "go", "build", "-trimpath", "-o", program, "./test/e2e/criostandin")
	build.Dir, build.Env = s.bed.Root, append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(s.t, err, string(out))
	require.NoError(s.t, os.WriteFile(unit, []byte(crioUnit), 0o600))
	require.NoError(s.t, s.bed.Push(s.ctx, node, program, "/opt/bulkhead/crio"))
	require.NoError(s.t, s.bed.Push(s.ctx, node, unit, "/usr/lib/systemd/system/crio.service"))
	_, err = s.bed.Exec(s.ctx, node, "systemctl", "daemon-reload")
	require.NoError(s.t, err)
}
