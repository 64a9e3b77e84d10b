//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// reachService connects to the API server's Service address from inside of a node.
func (s *scene) reachService(node string) error {
	_, err := s.bed.Exec(s.ctx, node, "timeout", "2", "bash", "-c", "exec 3<>/dev/tcp/10.96.0.1/443")
	return err
}

func (s *scene) killAgent(node string) {
	s.t.Helper()
	_, err := s.bed.Exec(s.ctx, node, "pkill", "-KILL", "-x", "bulkhead-agent")
	require.NoError(s.t, err)
}

func newHolder(node, before string) condition {
	return func(s observe.State) error {
		if l := s.Health(node).Lease; l == nil || l.Holder == before || l.Holder == "" {
			return fmt.Errorf("%s still holds the heartbeat of %s", before, node)
		}
		return heartbeat(node, v1alpha1.LeaseFresh)(s)
	}
}

func kubeletRestarted(s *scene) {
	before := s.startOf("n2", "kubelet")
	s.harm("restart-unit", "n2", "kubelet")
	require.NotEqual(s.t, before, s.startOf("n2", "kubelet"), "the kubelet was not restarted")
	s.during(watchReported, inState("n2", v1alpha1.NodeHealthy, v1alpha1.NodeRestarting), untainted("n2"), noPermit("n2"))
	s.note("Healthy or Restarting for %s", watchReported)
}

func (s *scene) startOf(node, unit string) string {
	s.t.Helper()
	out, err := s.bed.Exec(s.ctx, node, "systemctl", "show", "--property=ActiveEnterTimestampMonotonic,MainPID", unit)
	require.NoError(s.t, err)
	return out
}

func containerdKilled(s *scene) { killed(s, "containerd") }
func kubeletKilled(s *scene)    { killed(s, "kubelet") }

// killed plays a daemon that systemd starts again after 5 s: longer than the 3 s after which a dead one isolates.
func killed(s *scene, unit string) {
	at := s.harm("kill-unit", "n3", unit)
	shown := s.until("the restart to be shown", 10*time.Second, inState("n3", v1alpha1.NodeRestarting))
	s.during(watchReported, inState("n3", v1alpha1.NodeHealthy, v1alpha1.NodeRestarting), untainted("n3"), noPermit("n3"))
	s.until("the node to be well again", 30*time.Second, inState("n3", v1alpha1.NodeHealthy))
	s.note("Restarting %s, never Unhealthy, well after %s", seconds(shown.Sub(at)), seconds(time.Since(at)))
}

// Killed again and again, so that the kubelet backs off and the agent stays silent. It has no chance to say Leaving.
func agentPodKilled(s *scene) {
	at := time.Now()
	_, err := s.bed.Exec(s.ctx, "n2", "bash", "-c",
		"systemd-run --unit=agent-killer --collect bash -c 'while :; do pkill -KILL -x bulkhead-agent; sleep 0.1; done'")
	require.NoError(s.t, err)
	s.later(func() {
		_, err := s.bed.Exec(s.ctx, "n2", "systemctl", "stop", "agent-killer")
		require.NoError(s.t, err)
		// The kubelet backs off from a pod that failed often; a new one starts at once.
		s.kubectl("-n", v1alpha1.SystemNamespace, "delete", "pod", "-l", "app.kubernetes.io/component=agent", "--field-selector", "spec.nodeName=n2", "--grace-period=1", "--wait=false")
	})
	s.agentDown("n2", at)
}

func agentUnitKilled(s *scene) {
	s.needHostAgent()
	s.later(func() { s.restore("start-unit", "n4", "bulkhead-agent") }) // after mask-unit was undone
	s.harm("mask-unit", "n4", "bulkhead-agent")
	at := s.harm("kill-unit", "n4", "bulkhead-agent")
	s.agentDown("n4", at)
}

// agentDown expects a node that is silent and alive: shown as such, and left alone.
func (s *scene) agentDown(node string, at time.Time) {
	shown := s.until("AgentDown", 15*time.Second, inState(node, v1alpha1.NodeAgentDown), heartbeat(node, v1alpha1.LeaseLost))
	s.during(watchSilent, inState(node, v1alpha1.NodeAgentDown, v1alpha1.NodeSuspect), untainted(node), noPermit(node))
	s.note("AgentDown %s, left alone for %s", seconds(shown.Sub(at)), watchSilent)
}

func halfCut(s *scene) {
	s.harm("half-cut", "n2")
	s.cannotReach("10.66.0.12")
	s.during(watchSilent, inState("n2", v1alpha1.NodeHealthy), heartbeat("n2", v1alpha1.LeaseFresh), untainted("n2"))
	s.note("nobody reaches it; heard for %s", watchSilent)
}

// cannotReach: a node's kubelet does not answer us, so the fault was injected.
func (s *scene) cannotReach(address string) {
	s.t.Helper()
	dialer := net.Dialer{Timeout: time.Second}
	connection, err := dialer.DialContext(s.ctx, "tcp", address+":10250")
	if err == nil {
		_ = connection.Close()
	}
	require.Error(s.t, err, "%s answers: the fault was not injected", address)
}

func allCutOff(s *scene) { cutMany(s, s.agents()) }

func allButOneCutOff(s *scene) { cutMany(s, s.agents()[1:]) }

// cutMany cuts nodes off and expects that each is Blind in the end, with the reason, and none isolated.
func cutMany(s *scene, nodes []string) {
	at := time.Now()
	s.harmAll("cut", nodes)
	var suspect, blind []condition
	for _, node := range nodes {
		suspect = append(suspect, heartbeat(node, v1alpha1.LeaseLost), inState(node, v1alpha1.NodeSuspect, v1alpha1.NodeBlind))
		blind = append(blind, inState(node, v1alpha1.NodeBlind), withReason(node, v1alpha1.ReasonBlind))
	}
	s.until("all of them to be suspect", 15*time.Second, suspect...)
	s.must(s.leads(s.ctx))
	shown := s.until("all of them to be Blind", 30*time.Second, blind...)
	for _, node := range nodes {
		require.Contains(s.t, s.view.Now().Health(node).Message, "the fault may be ours")
	}
	s.until("what is withheld to be shown", 10*time.Second, withheld(nodes[0], v1alpha1.BrakeTooFewAlive))
	s.during(watchReported, append(blind, untainted(nodes...))...)
	for _, node := range nodes {
		require.NoError(s.t, noPermit(node)(s.view.Now()))
	}
	s.note("%d of %d Blind %s: %q", len(nodes), len(s.agents()), seconds(shown.Sub(at)), s.view.Now().Health(nodes[0]).Message)
}

func neverHeard(s *scene) {
	if s.hostAgent {
		s.t.Skip("n4 has an agent by now")
	}
	s.harm("cut", "n4")
	s.cannotReach("10.66.0.14")
	s.during(watchSilent, inState("n4", v1alpha1.NodeUnheard), withReason("n4", v1alpha1.ReasonUnheard), untainted("n4"), noPermit("n4"))
	s.note("cut off; Unheard and left alone for %s", watchSilent)
}

// An administrator drains a node and switches it off. Nobody told us, and nobody needs to.
func drainedNodeShutDown(s *scene) {
	s.kubectl("drain", "n3", "--ignore-daemonsets", "--force", "--timeout=60s")
	s.later(func() { s.kubectl("uncordon", "n3") })
	s.until("the pods to be elsewhere", time.Minute, readyElsewhere("n3"))
	at := s.harm("power-off", "n3")
	s.until("the node to be suspect", 15*time.Second, heartbeat("n3", v1alpha1.LeaseLost))
	s.must(s.leads(s.ctx))
	down := s.until("the node to be called down", 30*time.Second, inState("n3", v1alpha1.NodeDown), withReason("n3", v1alpha1.ReasonPlannedDeparture))
	s.during(watchReported, untainted("n3"), noPermit("n3"))
	s.note("NodeDown %s, PlannedDeparture: nothing spent", seconds(down.Sub(at)))
}

// spared plays a fault that would isolate n2 were it not for a brake. The fault stays.
func spared(s *scene, by v1alpha1.Brake) {
	at := s.harm("stop-unit", "n2", "containerd")
	s.until("the fault to be shown", 15*time.Second, inState("n2", v1alpha1.NodeUnhealthy))
	shown := s.until("what is withheld to be shown", 10*time.Second, withheld("n2", by))
	s.until("the Event", 10*time.Second, told("Node", "n2", "IsolationWithheld"))
	s.during(watchReported, untainted("n2"), noPermit("n2"), withheld("n2", by))
	s.note("withheld %s by %s", seconds(shown.Sub(at)), by)
}

// well undoes what spared did, before what held the isolation back is undone.
func well(s *scene) {
	s.restore("start-unit", "n2", "containerd")
	s.until("n2 to be well again", 30*time.Second, inState("n2", v1alpha1.NodeHealthy))
}

func controlPlaneNode(s *scene) {
	const label = "node-role.kubernetes.io/control-plane"
	s.kubectl("label", "node", "n2", label+"=")
	s.later(func() { s.kubectl("label", "node", "n2", label+"-") })
	spared(s, v1alpha1.BrakeControlPlane)
	well(s)
}

func lastSchedulableNode(s *scene) {
	for _, node := range []string{"n1", "n3", "n4"} {
		s.kubectl("cordon", node)
		s.later(func() { s.kubectl("uncordon", node) })
	}
	spared(s, v1alpha1.BrakeLastSchedulable)
	well(s)
}

func selectsNothing(s *scene) {
	policies := s.bulkhead.BulkheadV1alpha1().NodeIsolationPolicies()
	_, err := policies.Create(s.ctx, &v1alpha1.NodeIsolationPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "nowhere"},
		Spec: v1alpha1.NodeIsolationPolicySpec{
			Profile: v1alpha1.ProfileSeed, NodeSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"no": "node"}},
		},
	}, metav1.CreateOptions{})
	require.NoError(s.t, err)
	s.later(func() { s.kubectl("delete", "nodeisolationpolicy", "nowhere") })
	var said metav1.Condition
	require.Eventually(s.t, func() bool {
		p, err := policies.Get(s.ctx, "nowhere", metav1.GetOptions{})
		if err != nil || len(p.Status.Conditions) == 0 || p.Status.Nodes != 0 {
			return false
		}
		said = p.Status.Conditions[0]
		return said.Type == v1alpha1.ConditionAccepted
	}, 15*time.Second, 100*time.Millisecond)
	require.Contains(s.t, said.Message, "matches none of 4 nodes")
	s.note("Accepted=%s %s: %q", said.Status, said.Reason, said.Message)
}

// Its DaemonSet does not tolerate our taint. The start-up log and an Event name it.
func daemonSetsNamed(s *scene) {
	require.NoError(s.t, s.bed.Apply(s.ctx, meekDaemonSet))
	s.later(func() { s.kubectl("delete", "daemonset", "meek", "--wait=false") })
	s.stopOutside()
	require.NoError(s.t, s.startOutside(s.ctx))
	s.until("the Event", 30*time.Second, told("DaemonSet", "meek", "WouldBeEnded"))
	require.Eventually(s.t, func() bool {
		for _, p := range s.processes {
			if strings.Contains(p.Log(), "default/meek") {
				return true
			}
		}
		return false
	}, 10*time.Second, 100*time.Millisecond)
	s.note("Event WouldBeEnded and a line of the start-up log name default/meek")
}

const meekDaemonSet = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: meek, namespace: default}
spec:
  selector: {matchLabels: {app: meek}}
  template:
    metadata: {labels: {app: meek}}
    spec:
      nodeSelector: {no: node}
      containers: [{name: hello, image: "test.bulkhead.dev/hello:1", imagePullPolicy: Never}]
`
