package runtime

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

const (
	containerdSocket = "/run/containerd/containerd.sock"
	crioSocket       = "/run/crio/crio.sock"
)

// machine is a node whose discovery a test hurries.
type machine struct {
	t     *testing.T
	paths host.Paths
	found *Discovery
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, paths: hosttest.NewMachine(t)}
	doors := host.Open(m.paths)
	t.Cleanup(doors.Close)
	found, err := Discover(config.DefaultChecks().Runtime, config.DefaultChecks().Kubelet, doors)
	require.NoError(t, err)
	m.found = found
	return m
}

// endpoint is what is found when all that was kept is doubted.
func (m *machine) endpoint() string {
	m.t.Helper()
	m.found.mu.Lock()
	m.found.next, m.found.searched = time.Time{}, time.Time{}
	m.found.mu.Unlock()
	socket, err := m.found.Endpoint(m.t.Context())
	if err != nil {
		return err.Error()
	}
	return socket
}

// kubelet starts one that listens and has this command line.
func (m *machine) kubelet(pid int, name string, args ...string) {
	m.t.Helper()
	hosttest.Process{PID: pid, Name: name, Args: args}.Add(m.t, m.paths)
	hosttest.ListenTCP(m.t, m.paths, pid, kubeletPort)
}

func (m *machine) socket(socket string) { hosttest.Dead(m.t, m.paths, socket) }

func (m *machine) remove(socket string) { require.NoError(m.t, os.Remove(m.paths.At(socket))) }

func (m *machine) write(path, text string) {
	m.t.Helper()
	require.NoError(m.t, os.MkdirAll(filepath.Dir(m.paths.At(path)), 0o755))
	require.NoError(m.t, os.WriteFile(m.paths.At(path), []byte(text), 0o644))
}

func TestDiscovery_WhatTheKubeletUsesCountsAndNotWhatIsThere(t *testing.T) {
	m := newMachine(t)
	systemd := hosttest.StartSystemd(t, m.paths)
	systemd.Set(host.Unit{Name: "containerd.service", ActiveState: "active"})
	m.socket(containerdSocket)
	require.Equal(t, containerdSocket, m.endpoint(), "there is no kubelet yet")

	m.write("/var/lib/kubelet/config.yaml", "containerRuntimeEndpoint: unix:///var/run/crio/crio.sock")
	m.kubelet(40, "kubelet", "/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml")
	require.Equal(t, crioSocket, m.endpoint(), "a kubelet that appears later is heard, though its runtime is not up")

	m.write("/var/lib/kubelet/config.yaml", "containerRuntimeEndpoint: unix:///run/containerd/containerd.sock")
	require.Equal(t, crioSocket, m.endpoint(), "it has not read that")
	hosttest.Reap(t, m.paths, 40)
	require.Equal(t, crioSocket, m.endpoint(), "while it restarts, what it used stays the subject")
	m.kubelet(41, "kubelet", "/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml")
	require.Equal(t, containerdSocket, m.endpoint(), "restarted, it reads it")
}

func TestDiscovery_OnANodeWithoutSystemdAK3sIsAKubelet(t *testing.T) {
	m := newMachine(t)
	require.Equal(t, check.ErrNotApplicable.Error(), m.endpoint())
	m.kubelet(40, "k3s-server", "/usr/local/bin/k3s server")
	require.Equal(t, check.ErrNotApplicable.Error(), m.endpoint(), "its own runtime is a guess, and not there")
	const socket = "/run/k3s/containerd/containerd.sock"
	server := hosttest.StartCRI(t, m.paths, socket)
	require.Equal(t, socket, m.endpoint())

	containerd, crio, dockerd := m.found.checks[0].Probe.(*Probe), m.found.checks[1].Probe, m.found.checks[2].Probe
	findings, err := containerd.Probe(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings)
	for _, other := range []check.Probe{crio, dockerd} {
		_, err = other.Probe(t.Context())
		require.ErrorIs(t, err, check.ErrNotApplicable)
	}
	require.Empty(t, containerd.kind.unit, "containerd.service is not its")
	hosttest.Process{PID: 50, Name: "containerd"}.Add(t, m.paths)
	server.Kill()
	hosttest.Dead(t, m.paths, socket)
	findings, err = containerd.Probe(t.Context())
	require.NoError(t, err)
	require.Len(t, findings, 1)
}

func TestDiscovery_WithoutThePrivilegeToSeeSocketsTheUnitAndTheNameTell(t *testing.T) {
	m := newMachine(t)
	hosttest.StartSystemd(t, m.paths).Set(host.Unit{Name: "kubelet.service", ActiveState: "active", MainPID: 40})
	hosttest.Process{PID: 40, Name: "kbed", Args: []string{"/usr/bin/kbed", "kubelet", "--container-runtime-endpoint=unix:///run/crio/crio.sock"}}.Add(t, m.paths)
	require.Equal(t, crioSocket, m.endpoint(), "by its unit")

	m = newMachine(t)
	hosttest.Process{PID: 40, Name: "kubelet", Args: []string{"kubelet", "--container-runtime-endpoint=unix:///run/k0s/containerd.sock"}}.Add(t, m.paths)
	require.Equal(t, "/run/k0s/containerd.sock", m.endpoint(), "by its name")
}

func TestDiscovery_ARuntimeWeDoNotKnowIsSaid(t *testing.T) {
	m := newMachine(t)
	m.kubelet(40, "kubelet", "kubelet", "--container-runtime-endpoint=unix:///run/frakti.sock")
	require.Equal(t, "the kubelet uses /run/frakti.sock, which we do not know; configure it as checks.runtime.endpoint", m.endpoint())
}

func TestDiscovery_AConfigurationWeCannotReadLeavesWhatIsThere(t *testing.T) {
	m := newMachine(t)
	m.kubelet(40, "kubelet", "kubelet", "--config=/var/lib/kubelet/config.yaml")
	m.socket(crioSocket)
	require.Equal(t, crioSocket, m.endpoint())
	m.write("/var/lib/kubelet/config.yaml", "containerRuntimeEndpoint: unix:///run/cri-dockerd.sock")
	require.Equal(t, "/run/cri-dockerd.sock", m.endpoint(), "read as soon as it can be")
}

func TestDiscovery_ByPresenceADeadRuntimeStaysTheSubject(t *testing.T) {
	m := newMachine(t)
	systemd := hosttest.StartSystemd(t, m.paths)
	systemd.Set(host.Unit{Name: "containerd.service", ActiveState: "active"})
	m.socket(containerdSocket)
	require.Equal(t, containerdSocket, m.endpoint())
	systemd.Set(host.Unit{Name: "containerd.service", ActiveState: "failed"})
	for range 3 {
		require.Equal(t, containerdSocket, m.endpoint(), "dead, and nothing in its place")
	}
	systemd.Set(host.Unit{Name: "crio.service", ActiveState: "active"})
	for range 3 {
		require.Equal(t, containerdSocket, m.endpoint(), "its socket is still there")
	}
	m.remove(containerdSocket)
	require.Equal(t, containerdSocket, m.endpoint(), "once is not enough")
	require.Equal(t, crioSocket, m.endpoint(), "replaced")
}

func TestDiscovery_IsKeptAndCostsNothing(t *testing.T) {
	m := newMachine(t)
	m.kubelet(40, "kubelet", "kubelet", "--container-runtime-endpoint=unix:///run/crio/crio.sock")
	require.Equal(t, crioSocket, m.endpoint())
	require.NoError(t, os.RemoveAll(m.paths.At("/proc")))
	socket, err := m.found.Endpoint(t.Context())
	require.NoError(t, err)
	require.Equal(t, crioSocket, socket, "for a minute nothing is read")
}

func TestDiscovery_AConfiguredEndpointIsNotDoubted(t *testing.T) {
	m := newMachine(t)
	found, err := Discover(config.RuntimeSubject{Endpoint: "unix:///run/other.sock"}, config.DefaultChecks().Kubelet, host.Open(m.paths))
	require.NoError(t, err)
	m.kubelet(40, "kubelet", "kubelet", "--container-runtime-endpoint=unix:///run/crio/crio.sock")
	socket, err := found.Endpoint(t.Context())
	require.NoError(t, err)
	require.Equal(t, "/run/other.sock", socket)
	require.Len(t, found.Checks(), 1)
}

func BenchmarkEndpoint(b *testing.B) {
	found, err := Discover(config.RuntimeSubject{Endpoint: "unix:///run/other.sock"}, config.DefaultChecks().Kubelet, host.Open(host.Paths{}))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = found.Endpoint(b.Context())
	}
}
