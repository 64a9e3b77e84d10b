//go:build daemons

// Against Debian's bird2: two BIRDs in two network namespaces with a live BGP session. felix and confd cannot be had
// here: stand-ins with their names and arguments take their place, in a PID namespace like a container's.
package calico

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/agent/check/checktest"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// livenessAddress tells the stand-in of felix where to listen.
const livenessAddress = "LIVENESS"

// TestMain is also the stand-ins: this binary called calico-node.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "calico-node" {
		os.Exit(m.Run())
	}
	if slices.Contains(os.Args, "-felix") {
		ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
		_ = http.ListenAndServe(os.Getenv(livenessAddress), ok) //nolint:gosec // a stand-in
	}
	select {} // confd has nothing to do
}

// A realNode has a calico-node container and a BIRD with one peer, which is in another network namespace.
type realNode struct {
	t         testing.TB
	dir       string
	probe     *Probe
	here      *namespace
	there     *namespace
	address   string
	container *exec.Cmd // its first process is a shell
	bird      *exec.Cmd
	peer      *exec.Cmd
}

func startReal(t testing.TB) *realNode {
	t.Helper()
	dir, err := os.MkdirTemp("", "calico") // t.TempDir is too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	n := &realNode{t: t, dir: dir, here: newNamespace(t), there: newNamespace(t)}
	n.here.ip("link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns", n.there.path)
	n.here.ip("addr", "add", "10.9.0.1/24", "dev", "v0")
	n.there.ip("addr", "add", "10.9.0.2/24", "dev", "v0")
	n.here.ip("link", "set", "v0", "up")
	n.there.ip("link", "set", "v0", "up")

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	n.address = listener.Addr().String()
	require.NoError(t, listener.Close())
	n.startPeer()
	n.startBird()
	n.startContainer()

	doors := host.Open(host.Paths{})
	t.Cleanup(doors.Close)
	o := config.DefaultChecks().Calico
	o.RunDir, o.LivenessURL, o.StartUp.Duration = dir, "http://"+n.address+"/liveness", time.Second
	n.probe = New(o, doors)
	require.Eventually(t, func() bool {
		m := n.probe.members
		return n.look() == "" && m[felix].last.PID != 0 && m[bird].last.PID != 0 && m[confd].last.PID != 0
	}, 30*time.Second, 20*time.Millisecond)
	time.Sleep(o.StartUp.Duration) // what follows must not be excused as coming up
	require.Empty(t, n.look())
	return n
}

func (n *realNode) startPeer() { n.peer = n.startBIRD(n.there, "peer", 2, 1) }
func (n *realNode) startBird() { n.bird = n.startBIRD(n.here, "bird", 1, 2) }

// startBIRD starts one and waits for its session.
func (n *realNode) startBIRD(where *namespace, name string, own, other int) *exec.Cmd {
	n.t.Helper()
	conf := n.at(name + ".conf")
	require.NoError(n.t, os.WriteFile(conf, fmt.Appendf(nil, `router id 10.9.0.%[1]d;
protocol device {}
protocol bgp Mesh_10_9_0_%[2]d {
	local 10.9.0.%[1]d as 64512; neighbor 10.9.0.%[2]d as 64512;
	hold time 3; connect delay time 1; connect retry time 1; error wait time 1, 1;
	ipv4 { import all; export all; };
}
`, own, other), 0o600))
	return where.start(exec.CommandContext(n.t.Context(), "bird", "-f", "-c", conf, "-s", n.at(name+".ctl"))) //nolint:gosec // a test
}

// startContainer starts felix and confd in a PID namespace whose first process is a shell that reaps them.
func (n *realNode) startContainer() {
	n.t.Helper()
	program, err := os.Executable()
	require.NoError(n.t, err)
	link := n.at("calico-node")
	_ = os.Remove(link)
	require.NoError(n.t, os.Symlink(program, link))
	n.container = exec.CommandContext(n.t.Context(), "sh", "-c", link+" -felix & "+link+" confd & while :; do wait; sleep 0.01; done") //nolint:gosec // a test
	n.container.Env = append(os.Environ(), livenessAddress+"="+n.address)
	n.container.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	require.NoError(n.t, n.container.Start())
	n.endWith(n.container)
}

func (n *realNode) endWith(cmd *exec.Cmd) {
	n.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func (n *realNode) at(name string) string { return filepath.Join(n.dir, name) }

// look is a look as the runner makes it.
func (n *realNode) look() string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 800*time.Millisecond)
	defer cancel()
	return told(n.probe.Probe(ctx))
}

func (n *realNode) eventually(want string) {
	n.t.Helper()
	began, last := time.Now(), ""
	require.Eventually(n.t, func() bool { last = n.look(); return last == want }, 30*time.Second, 20*time.Millisecond, "%q, not %q", want, last)
	n.t.Logf("%q after %s", want, time.Since(began).Round(time.Millisecond))
}

// signal reaches a daemon of the container, or BIRD.
func (n *realNode) signal(member int, signal unix.Signal, then string) {
	n.t.Helper()
	pid := n.probe.members[member].last.PID
	require.NotZero(n.t, pid)
	require.NoError(n.t, unix.Kill(pid, signal))
	require.Eventually(n.t, func() bool {
		p, err := host.NewProcesses(host.Paths{}).Stat(pid)
		return err != nil && then == "" || err == nil && strings.ContainsRune(then, rune(p.State))
	}, 5*time.Second, time.Millisecond)
}

func (n *realNode) restartBird() {
	_ = n.bird.Wait()
	n.startBird()
}

func TestDaemons_FaultsOfCalico(t *testing.T) {
	for name, c := range map[string]struct {
		fault  func(*realNode)
		want   string
		repair func(*realNode)
	}{
		"bird killed and not reaped": {
			func(n *realNode) { n.signal(bird, unix.SIGKILL, "Z") }, "CalicoBirdZombie",
			func(n *realNode) { n.restartBird() },
		},
		"bird killed": {
			func(n *realNode) { n.signal(bird, unix.SIGKILL, "Z"); _ = n.bird.Wait() }, "CalicoBirdNotRunning",
			func(n *realNode) { n.startBird() },
		},
		"bird ended as it should": {
			func(n *realNode) { n.signal(bird, unix.SIGTERM, "Z"); _ = n.bird.Wait() }, "CalicoBirdNotRunning",
			func(n *realNode) { n.startBird() },
		},
		"bird stopped": {
			func(n *realNode) { n.signal(bird, unix.SIGSTOP, "T") }, "CalicoBirdNotAnswering",
			func(n *realNode) { n.signal(bird, unix.SIGCONT, "RSD") },
		},
		"bird's socket removed": {
			func(n *realNode) { require.NoError(n.t, os.Remove(n.at("bird.ctl"))) }, "CalicoBirdNotAnswering",
			func(n *realNode) { n.signal(bird, unix.SIGKILL, "Z"); n.restartBird() },
		},
		"felix stopped": {
			func(n *realNode) { n.signal(felix, unix.SIGSTOP, "T") }, "CalicoFelixNotAnswering",
			func(n *realNode) { n.signal(felix, unix.SIGCONT, "RSD") },
		},
		"felix killed, its supervisor not": {
			func(n *realNode) { n.signal(felix, unix.SIGKILL, "") }, "CalicoFelixNotRunning",
			func(n *realNode) { n.restartContainer() },
		},
		"confd killed, its supervisor not": {
			func(n *realNode) { n.signal(confd, unix.SIGKILL, "") }, "CalicoConfdNotRunning",
			func(n *realNode) { n.restartContainer() },
		},
		"the container ends": {
			func(n *realNode) { _ = n.container.Process.Kill(); _ = n.container.Wait() }, "CalicoFelixNotRunning~ CalicoConfdNotRunning~",
			func(n *realNode) { n.startContainer() },
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := startReal(t)
			c.fault(n)
			began := time.Now()
			require.Equal(t, c.want, n.look(), "the first look after the fault")
			t.Logf("%q after a look of %s", c.want, time.Since(began).Round(100*time.Microsecond))
			require.Equal(t, c.want, n.look())
			c.repair(n)
			n.eventually("")
		})
	}
}

func (n *realNode) restartContainer() {
	_ = n.container.Process.Kill()
	_ = n.container.Wait()
	n.startContainer()
}

func TestDaemons_APeerIsLostAndReturns(t *testing.T) {
	n := startReal(t)
	require.Eventually(t, func() bool { return n.isEstablished() }, 30*time.Second, 20*time.Millisecond)
	require.NoError(t, n.peer.Process.Kill())
	_ = n.peer.Wait()
	n.eventually("CalicoNoPeerEstablished")
	n.startPeer()
	n.eventually("")
	require.True(t, n.isEstablished())

	n.there.ip("link", "set", "v0", "down") // nobody says goodbye: BGP's hold time must pass, 3 s here and 240 in Calico
	n.eventually("CalicoNoPeerEstablished")
	n.there.ip("link", "set", "v0", "up")
	n.eventually("")

	n.birdc("disable", "Mesh_10_9_0_2")
	require.Empty(t, n.look(), "a person switched the only peer off")
	n.birdc("enable", "Mesh_10_9_0_2")
	require.Eventually(t, func() bool { return n.isEstablished() }, 30*time.Second, 20*time.Millisecond)
}

func TestDaemons_TheKernelTellsAtOnceThatADaemonEnded(t *testing.T) {
	n := startReal(t)
	pid := n.probe.members[felix].last.PID
	told := checktest.Told(t, n.probe.Watch, pid)
	killed := time.Now()
	require.NoError(t, unix.Kill(pid, unix.SIGKILL))
	t.Logf("told after %s", (<-told).Sub(killed))
	n.eventually("CalicoFelixNotRunning")
}

func (n *realNode) isEstablished() bool {
	status, err := host.NewBird(host.Paths{}).Status(n.t.Context(), n.t.Context(), n.at("bird.ctl"))
	require.NoError(n.t, err)
	return slices.ContainsFunc(status.Protocols, func(p host.BirdProtocol) bool { return p.Kind == "BGP" && p.Info == "Established" })
}

func (n *realNode) birdc(args ...string) {
	n.t.Helper()
	out, err := exec.CommandContext(n.t.Context(), "birdc", append([]string{"-s", n.at("bird.ctl")}, args...)...).CombinedOutput() //nolint:gosec // a test
	require.NoError(n.t, err, string(out))
}

// A namespace is a network namespace, held by a thread of ours. What is started from it lives in it.
type namespace struct {
	t    testing.TB
	do   chan func()
	path string
}

func newNamespace(t testing.TB) *namespace {
	t.Helper()
	n := &namespace{t: t, do: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		n.path = fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), unix.Gettid())
		ready <- err
		for do := range n.do {
			do()
		}
	}()
	require.NoError(t, <-ready)
	t.Cleanup(func() { close(n.do) })
	n.ip("link", "set", "lo", "up")
	return n
}

func (n *namespace) run(do func() error) error {
	done := make(chan error)
	n.do <- func() { done <- do() }
	return <-done
}

func (n *namespace) ip(args ...string) {
	n.t.Helper()
	require.NoError(n.t, n.run(func() error {
		out, err := exec.CommandContext(n.t.Context(), "ip", args...).CombinedOutput() //nolint:gosec // a test
		if err != nil {
			return fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
		return nil
	}))
}

func (n *namespace) start(cmd *exec.Cmd) *exec.Cmd {
	n.t.Helper()
	require.NoError(n.t, n.run(cmd.Start))
	n.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func BenchmarkDaemonsLook(b *testing.B) {
	checktest.Looks(b, startReal(b).probe)
}

// What the source document ran, for one of four daemons.
func BenchmarkDaemonsPsGrep(b *testing.B) {
	for b.Loop() {
		_ = exec.CommandContext(b.Context(), "sh", "-c", "ps aux | grep -c bird").Run()
	}
}
