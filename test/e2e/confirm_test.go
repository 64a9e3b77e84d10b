//go:build e2e

package e2e

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

func (s *scene) confirmFast() {
	s.t.Helper()
	spec := thePolicy()
	spec.Confirm = v1alpha1.ConfirmFast
	s.setPolicy(spec)
}

// Three looks a second apart take more than two seconds, in whichever phase they meet the fault.
func killedConfirmFast(s *scene) {
	s.confirmFast()
	pods := hello.On(s.view.Now(), "n2")
	at := s.harm("abandon-unit", "n2", "kubelet")
	taint := s.isolated("n2", at, v1alpha1.ReasonKubeletNotRunning, pods, v1alpha1.NodeUnhealthy)
	require.Less(s.t, taint.Sub(at), 2*time.Second)
	s.refund()
	s.restore("adopt-unit", "n2", "kubelet")
	s.released("n2", time.Now())
}

func restartedConfirmFast(s *scene) {
	s.confirmFast()
	at := s.harm("kill-unit", "n1", "containerd")
	seen := s.until("the restart to be shown", 5*time.Second, inCheck("n1", "containerd", v1alpha1.CheckRestarting))
	s.during(watchReported, untainted("n1"))
	s.until("it to be back", 20*time.Second, inCheck("n1", "containerd", v1alpha1.CheckHealthy))
	s.note("Restarting shown %s, nothing done", seconds(seen.Sub(at)))
}
