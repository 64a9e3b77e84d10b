package calico

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check/checktest"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

const birdSocket = "/run/calico/bird.ctl"

// node is one machine with a calico-node below runsvdir: runsv 20 to 22, felix 30, bird 31, confd 32.
type node struct {
	t      testing.TB
	paths  host.Paths
	probe  *Probe
	status *atomic.Int32 // of felix's liveness
	bird   *hosttest.Bird
}

func newNode(t testing.TB) *node {
	t.Helper()
	n := &node{t: t, paths: hosttest.NewMachine(t), status: &atomic.Int32{}}
	n.status.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(n.status.Load())) }))
	t.Cleanup(server.Close)
	doors := host.Open(n.paths)
	t.Cleanup(doors.Close)
	o := config.DefaultChecks().Calico
	o.LivenessURL = server.URL + "/liveness"
	n.probe = New(o, doors)
	return n
}

func (n *node) withCalico() *node {
	n.t.Helper()
	for pid := 20; pid < 23; pid++ {
		n.process(hosttest.Process{PID: pid, Name: "runsv"})
	}
	n.process(hosttest.Process{PID: 30, Name: "calico-node", Args: []string{"calico-node", "-felix"}, Parent: 20})
	n.process(hosttest.Process{PID: 32, Name: "calico-node", Args: []string{"calico-node", "-confd"}, Parent: 22})
	n.withBird()
	return n
}

func (n *node) withBird() {
	n.t.Helper()
	n.process(hosttest.Process{PID: 31, Name: "bird", Args: []string{"bird", "-s", "/var/run/calico/bird.ctl"}, Parent: 21})
	n.bird = hosttest.StartBird(n.t, n.paths, birdSocket)
	n.peers("Established")
}

func (n *node) process(p hosttest.Process) {
	p.InContainer, p.HostNetwork, p.Inner = true, true, p.PID-10
	p.Add(n.t, n.paths)
}

func (n *node) peers(info string) {
	n.bird.Say(host.BirdStatus{Protocols: []host.BirdProtocol{{Name: "Mesh_10_0_0_2", Kind: "BGP", State: "up", Info: info}}})
}

// look is one look with more time than the runner gives, so that a busy machine is not taken for a frozen daemon.
func (n *node) look() string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 2*time.Second)
	defer cancel()
	return told(n.probe.Probe(ctx))
}

func TestProbe_FollowsCalicoThroughItsLife(t *testing.T) {
	n := newNode(t)
	require.Equal(t, "not applicable", n.look(), "though something answers on that port")

	n.withCalico()
	require.Empty(t, n.look())
	n.status.Store(http.StatusServiceUnavailable)
	require.Equal(t, "CalicoFelixUnhealthy", n.look())
	n.status.Store(http.StatusNoContent)
	n.peers("Active")
	require.Equal(t, "CalicoNoPeerEstablished", n.look())
	n.peers("Established")
	require.Empty(t, n.look())

	hosttest.Frozen(t, n.paths, birdSocket)
	require.Equal(t, "CalicoBirdNotAnswering", n.look(), "alive in ps, silent on its socket")
	hosttest.Process{PID: 31, Name: "bird", State: 'Z'}.Add(t, n.paths)
	require.Equal(t, "CalicoBirdZombie", n.look())
	hosttest.Reap(t, n.paths, 31)
	hosttest.Dead(t, n.paths, birdSocket)
	require.Equal(t, "CalicoBirdNotRunning", n.look())
	hosttest.Reap(t, n.paths, 32)
	require.Equal(t, "CalicoBirdNotRunning CalicoConfdNotRunning", n.look())

	for pid := 20; pid < 23; pid++ {
		hosttest.Reap(t, n.paths, pid)
	}
	require.Equal(t, "CalicoBirdNotRunning~ CalicoConfdNotRunning~", n.look(), "the pod goes")
	require.Zero(t, n.probe.Restarts())
	n.withCalico()
	n.process(hosttest.Process{PID: 33, Name: "calico-node", Args: []string{"calico-node", "confd"}, Parent: 22})
	hosttest.Reap(t, n.paths, 32)
	require.Empty(t, n.look())
	require.EqualValues(t, 1, n.probe.Restarts())
}

func TestProbe_WithoutHealthReportsFelixIsItsProcess(t *testing.T) {
	n := newNode(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o := config.DefaultChecks().Calico
	o.LivenessURL = "http://" + listener.Addr().String() + "/liveness"
	require.NoError(t, listener.Close())
	doors := host.Open(n.paths)
	t.Cleanup(doors.Close)
	n.probe = New(o, doors)
	n.withCalico()
	require.Empty(t, n.look())
	hosttest.Reap(t, n.paths, 30)
	require.Equal(t, "CalicoFelixNotRunning", n.look())
}

func TestProbe_ANodeWithoutBGPIsWell(t *testing.T) {
	n := newNode(t)
	require.NoError(t, os.MkdirAll(n.paths.At("/run/calico"), 0o755))
	n.process(hosttest.Process{PID: 30, Name: "calico-node", Args: []string{"calico-node", "-felix"}})
	hosttest.Dead(t, n.paths, birdSocket) // from before it was switched to VXLAN
	require.Empty(t, n.look())
}

func TestProbe_ProcessesOfPodsAreNotCalicos(t *testing.T) {
	n := newNode(t)
	n.probe.subject.LivenessURL = ""
	require.NoError(t, os.MkdirAll(n.paths.At("/run/calico"), 0o755))
	n.process(hosttest.Process{PID: 30, Name: "calico-node", Args: []string{"calico-node", "-felix"}})
	hosttest.Process{PID: 40, Name: "calico-node", Args: []string{"calico-node", "-confd"}, InContainer: true}.Add(t, n.paths)
	require.Empty(t, n.look())
	hosttest.Reap(t, n.paths, 40)
	require.Empty(t, n.look(), "whoever may run a pod may not have its node isolated")
}

func BenchmarkLook(b *testing.B) {
	n := newNode(b).withCalico()
	require.Empty(b, n.look())
	checktest.Looks(b, n.probe)
}
