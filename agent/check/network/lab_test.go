//go:build daemons

package network

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
)

const (
	inLab  = "BULKHEAD_TEST_LAB"
	asPeer = "BULKHEAD_TEST_PEER"
)

// TestMain runs the tests again in a child with network and mount namespaces of its own: all of its threads are "the
// node", other machines are namespaces beside it, and all of it is gone with the child. It needs root.
func TestMain(m *testing.M) {
	if address := os.Getenv(asPeer); address != "" {
		serve(address)
	}
	if os.Getenv(inLab) == "" {
		os.Exit(again())
	}
	for _, step := range []error{
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("lab", "/run", "tmpfs", 0, ""), // for ip netns; the machine's own stays as it is
		os.Mkdir("/run/netns", 0o755),
	} {
		if step != nil {
			fmt.Fprintln(os.Stderr, "setting the lab up:", step)
			os.Exit(1)
		}
	}
	if out, err := exec.CommandContext(context.Background(), "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "setting the lab up: %s: %v\n", out, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func again() int {
	runtime.LockOSThread() // the child dies with this thread
	cmd := exec.CommandContext(context.Background(), "/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inLab+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "running in namespaces of our own, as root:", err)
		return 1
	}
	return 0
}

// serve is another node's agent.
func serve(address string) {
	err := http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })) //nolint:gosec // a test's
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A lab is a node with eth0 on a switch, behind which are a router and other nodes:
//
//	node 10.99.0.1 eth0 -- up0 [gw: br0 10.99.0.254] v1 -- eth0 10.99.0.11 [p1] ...
type lab struct {
	t     *testing.T
	peers []*exec.Cmd
}

func newLab(t *testing.T, peers int) *lab {
	t.Helper()
	l := &lab{t: t}
	l.run(`ip netns add gw
		ip -n gw link add br0 type bridge forward_delay 0
		ip -n gw addr add 10.99.0.254/24 dev br0
		ip -n gw addr add fd99::fe/64 dev br0 nodad
		ip -n gw link set br0 up
		ip link add eth0 type veth peer name up0 netns gw
		ip -n gw link set up0 master br0 up
		ip addr add 10.99.0.1/24 dev eth0
		ip -6 addr add fd99::1/64 dev eth0 nodad
		ip link set eth0 up
		ip route add default via 10.99.0.254`)
	t.Cleanup(l.close)
	ourselves, err := os.Executable()
	require.NoError(t, err)
	for i := 1; i <= peers; i++ {
		l.run(fmt.Sprintf(`ip netns add p%[1]d
			ip -n gw link add v%[1]d type veth peer name eth0 netns p%[1]d
			ip -n gw link set v%[1]d master br0 up
			ip -n p%[1]d addr add 10.99.0.1%[1]d/24 dev eth0
			ip -n p%[1]d link set eth0 up`, i))
		cmd := exec.CommandContext(t.Context(), "ip", "netns", "exec", fmt.Sprintf("p%d", i), ourselves)
		cmd.Env = append(os.Environ(), asPeer+"="+peerAt(i).String())
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		require.NoError(t, cmd.Start())
		l.peers = append(l.peers, cmd)
	}
	return l
}

func peerAt(i int) netip.AddrPort {
	return netip.MustParseAddrPort(fmt.Sprintf("10.99.0.1%d:10298", i))
}

func (l *lab) close() {
	for i, cmd := range l.peers {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		l.try(fmt.Sprintf("ip netns del p%d", i+1))
	}
	l.try("ip link del eth0")
	l.try("ip netns del gw")
	l.try("nft flush ruleset")
}

// run runs a line after another and fails at the first that does.
func (l *lab) run(lines string) {
	l.t.Helper()
	for line := range strings.Lines(lines) {
		args := strings.Fields(line)
		out, err := exec.CommandContext(context.Background(), args[0], args[1:]...).CombinedOutput()
		require.NoError(l.t, err, "%s: %s", line, out)
	}
}

func (l *lab) try(line string) {
	args := strings.Fields(line)
	_ = exec.CommandContext(context.Background(), args[0], args[1:]...).Run()
}

// knows is what the agent of the lab's node knows.
func knows() Cluster {
	return Cluster{Address: func() netip.Addr { return netip.MustParseAddr("10.99.0.1") }}
}

// told starts the probe's Watch and counts what it is told. It returns once the watch is known to run.
func (l *lab) told(w check.Watcher) <-chan time.Time {
	l.t.Helper()
	events := make(chan time.Time, 1000)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(l.t.Context())
	go func() {
		ended <- w.Watch(ctx, func() {
			select {
			case events <- time.Now():
			default:
			}
		})
	}()
	l.t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			l.t.Error("the watch ended early:", err)
		}
	})
	require.Eventually(l.t, func() bool {
		l.run("ip link set eth0 mtu 1400\nip link set eth0 mtu 1500")
		return len(events) > 0
	}, 5*time.Second, 10*time.Millisecond)
	for quiet := false; !quiet; {
		select {
		case <-events:
		case <-time.After(100 * time.Millisecond):
			quiet = true
		}
	}
	return events
}

// after says how long after a moment the next event came.
func after(t *testing.T, moment time.Time, events <-chan time.Time) time.Duration {
	t.Helper()
	for {
		select {
		case at := <-events:
			if at.After(moment) {
				return at.Sub(moment)
			}
		case <-time.After(5 * time.Second):
			require.FailNow(t, "nobody told us")
		}
	}
}

// until looks until the findings are these, as the runner would.
func until(t *testing.T, p check.Probe, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	var got []string
	var err error
	for range 40 {
		if got, err = look(t, p); err == nil && fmt.Sprint(got) == fmt.Sprint(want) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	require.FailNow(t, "never found", "want %v, got %v, %v", want, got, err)
}

var doors = host.Open(host.Paths{})
