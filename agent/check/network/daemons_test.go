//go:build daemons

package network

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
)

func TestLab_NothingIsThere(t *testing.T) {
	_, err := look(t, NewLink(defaults, doors.Network, knows()))
	require.ErrorIs(t, err, check.ErrNotApplicable)
	_, err = look(t, NewRoute(doors.Network, knows()))
	require.ErrorIs(t, err, check.ErrNotApplicable)
	_, err = look(t, NewPeers(defaults, doors.Reach, knows()))
	require.ErrorIs(t, err, check.ErrNotApplicable)
}

func TestLab_LinkDownAndUp(t *testing.T) {
	l := newLab(t, 0)
	p := NewLink(defaults, doors.Network, knows())
	until(t, p)
	require.Equal(t, []string{"eth0"}, p.roles[roleIPv4])
	require.Equal(t, []string{"eth0"}, p.roles[roleAddress])
	events := l.told(p)
	for _, step := range []struct {
		what string
		want []string
	}{
		{"ip -n gw link set up0 down", []string{"LinkDown"}}, // the switch's port
		{"ip -n gw link set up0 up", nil},
		{"ip link set eth0 down", []string{"LinkDown"}}, // by hand: takes the default route with it
		{"ip link set eth0 up", nil},
	} {
		began := time.Now()
		l.run(step.what)
		t.Logf("%-30s told after %s, the command included", step.what, after(t, began, events).Round(10*time.Microsecond))
		until(t, p, step.want...)
	}
	l.run("ip link del eth0")
	until(t, p, "LinkDown")
}

func TestLab_LinkFlaps(t *testing.T) {
	l := newLab(t, 0)
	p := NewLink(defaults, doors.Network, knows())
	until(t, p)
	for range 2 {
		l.run("ip -n gw link set up0 down\nip -n gw link set up0 up")
	}
	until(t, p)
	l.run("ip -n gw link set up0 down\nip -n gw link set up0 up")
	until(t, p, "LinkFlapping")
}

func TestLab_PodsAreNotTold(t *testing.T) {
	l := newLab(t, 0)
	p, r := NewLink(defaults, doors.Network, knows()), NewRoute(doors.Network, knows())
	until(t, p)
	until(t, r)
	links, routes := l.told(p), l.told(r)
	began := time.Now()
	for range 20 {
		l.run("ip link add veth1 type veth peer name veth2\nip link set veth1 up\nip link set veth2 up\nip route add 10.244.0.7/32 dev veth1\nip link del veth1")
	}
	l.run("ip link set eth0 mtu 1400") // behind all of these
	after(t, began, links)
	require.Less(t, len(links)+len(routes), 10, "20 pods make 200 messages")
}

// More comes than we read: what is lost is one change, and the watch goes on.
func TestLab_LostMessages(t *testing.T) {
	l := newLab(t, 0)
	p := NewLink(defaults, doors.Network, knows())
	until(t, p)
	blocked, released := make(chan struct{}), make(chan struct{})
	var calls atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- p.Watch(ctx, func() {
			if calls.Add(1) == 1 {
				close(blocked)
				<-released
			}
		})
	}()
	require.Eventually(t, func() bool {
		l.run("ip link set eth0 mtu 1400\nip link set eth0 mtu 1500")
		select {
		case <-blocked:
			return true
		default:
			return false
		}
	}, 5*time.Second, 10*time.Millisecond)
	flood := exec.CommandContext(t.Context(), "ip", "-batch", "-")
	flood.Stdin = strings.NewReader(strings.Repeat("link set eth0 mtu 1400\nlink set eth0 mtu 1500\n", 1000))
	require.NoError(t, flood.Run())
	close(released)
	require.Eventually(t, func() bool { return calls.Load() > 1 }, 5*time.Second, time.Millisecond)
	before := calls.Load()
	require.Eventually(t, func() bool {
		l.run("ip link set eth0 mtu 1400\nip link set eth0 mtu 1500")
		return calls.Load() > before
	}, 5*time.Second, 10*time.Millisecond)
	t.Logf("of 2000 messages %d were read", before)
	require.Less(t, before, int32(2000), "the test must lose some")
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestLab_DefaultRoute(t *testing.T) {
	l := newLab(t, 0)
	p := NewRoute(doors.Network, knows())
	until(t, p)
	events := l.told(p)
	for _, step := range []struct {
		what string
		want []string
	}{
		{"ip route del default", []string{"NoDefaultRoute"}},
		{"ip route add blackhole default", []string{"NoDefaultRoute"}},
		{"ip route replace default via 10.99.0.254", nil},
		{"ip -6 route add default via fd99::fe", nil},
		{"ip -6 route del default", []string{"(NoDefaultRoute)"}}, // our address is of IPv4
		{"ip route del default", []string{"NoDefaultRoute", "(NoDefaultRoute)"}},
		{"ip route add default proto static nexthop via 10.99.0.254 dev eth0 nexthop via 10.99.0.253 dev eth0", []string{"(NoDefaultRoute)"}},
		{"ip route del default", []string{"NoDefaultRoute", "(NoDefaultRoute)"}},
		{"ip route add 128.0.0.0/1 via 10.99.0.254", []string{"(NoDefaultRoute)"}}, // half of the world gets the benefit of the doubt
		{"ip route add blackhole 203.0.113.0/24", []string{"(NoDefaultRoute)"}},    // a site that refuses what the standards reserve
	} {
		began := time.Now()
		l.run(step.what)
		if step.what != "ip route add blackhole 203.0.113.0/24" {
			t.Logf("%-45.45s told after %s, the command included", step.what, after(t, began, events).Round(10*time.Microsecond))
		}
		until(t, p, step.want...)
	}
}

func TestLab_NextHopsAsObjects(t *testing.T) {
	l := newLab(t, 0)
	require.NoError(t, os.WriteFile("/proc/sys/net/ipv4/nexthop_compat_mode", []byte("0"), 0o644))
	l.run("ip route del default\nip nexthop add id 7 via 10.99.0.254 dev eth0\nip route add default nhid 7")
	links, found, err := doors.Network.DefaultRoute(t.Context(), host.IPv4)
	require.NoError(t, err)
	require.True(t, found)
	eth0, err := doors.Network.LinkNamed(t.Context(), "eth0")
	require.NoError(t, err)
	require.Equal(t, []int{eth0.Index}, links)
}

func TestLab_ALinkThatGoesDownTakesItsRouteAlong(t *testing.T) {
	l := newLab(t, 0)
	p := NewRoute(doors.Network, knows())
	until(t, p)
	events := l.told(p)
	began := time.Now()
	l.run("ip link set eth0 down")
	after(t, began, events) // the kernel announces the link and not the route
	until(t, p, "NoDefaultRoute")
}

// The limit is the whole machine's and not to be changed, so the table of the lab is filled to it: the count is a
// namespace's own.
func TestLab_ConntrackFull(t *testing.T) {
	l := newLab(t, 0)
	l.run("nft add table ip lab\nnft add chain ip lab out { type filter hook output priority 0 ; }\nnft add rule ip lab out ct state new accept")
	l.run("ip neigh add 10.99.0.99 lladdr 02:00:00:00:00:99 dev eth0 nud permanent") // nobody is there to refuse
	require.NoError(t, os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_udp_timeout", []byte("600"), 0o644))
	p := NewConntrack(defaults, doors.Conntrack)
	until(t, p)
	count, limit, err := doors.Conntrack.Room()
	require.NoError(t, err)
	require.Less(t, count, uint64(100), "the lab's own table, whosever /proc this is")

	host99 := [4]byte{10, 99, 0, 99}
	sent := uint64(0)
	for source := 0; sent < limit*95/100+1000; source++ {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Port: 20000 + source, Addr: [4]byte{10, 99, 0, 1}}))
		for port := 1; port < 60000 && sent < limit*95/100+1000; port++ {
			_ = unix.Sendto(fd, []byte{1}, 0, &unix.SockaddrInet4{Port: port, Addr: host99})
			sent++
		}
		require.NoError(t, unix.Close(fd))
	}
	until(t, p, "ConntrackFull")
	count, _, _ = doors.Conntrack.Room()
	t.Logf("%d of %d after %d packets", count, limit, sent)
}

func TestLab_Peers(t *testing.T) {
	l := newLab(t, 4)
	cluster := knows()
	cluster.Peers = func() []netip.AddrPort { return []netip.AddrPort{peerAt(1), peerAt(2), peerAt(3), peerAt(4)} }
	p := NewPeers(defaults, doors.Reach, cluster)
	until(t, p) // all have answered once
	require.Len(t, p.known, 4)
	_, err := doors.Reach.Ask(t.Context(), t.Context(), peerAt(1).String(), "/healthz")
	require.NoError(t, err, "and not refused")

	t.Run("one that is cut off is its own fault", func(t *testing.T) {
		l.run("ip -n gw link set v1 down")
		until(t, p)
		l.run("ip -n gw link set v1 up")
	})
	t.Run("frozen ones are theirs", func(t *testing.T) {
		for _, cmd := range l.peers[:3] {
			require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGSTOP))
		}
		until(t, p)
		for _, cmd := range l.peers[:3] {
			require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGCONT))
		}
	})
	t.Run("dropped by rules of this node", func(t *testing.T) {
		l.run("nft add table ip lab\nnft add chain ip lab in { type filter hook input priority 0 ; }\nnft add rule ip lab in tcp sport 10298 drop")
		until(t, p, "PeersUnreachable")
		l.run("nft flush ruleset")
		until(t, p)
	})
	t.Run("the switch's port is down", func(t *testing.T) {
		l.run("ip -n gw link set up0 down")
		until(t, p, "PeersUnreachable")
		l.run("ip -n gw link set up0 up")
		until(t, p)
	})
	t.Run("no route", func(t *testing.T) {
		l.run("ip addr del 10.99.0.1/24 dev eth0")
		until(t, p, "PeersUnreachable")
		l.run("ip addr add 10.99.0.1/24 dev eth0")
		until(t, p)
	})
	t.Run("the link is slow", func(t *testing.T) {
		l.run("tc qdisc add dev eth0 root tbf rate 4kbit burst 200 latency 20s")
		until(t, p, "LinkSlow")
		l.run("tc qdisc del dev eth0 root")
		until(t, p)
	})
}

func TestLab_APIServer(t *testing.T) {
	l := newLab(t, 1)
	quiet := time.Now().Add(-time.Minute)
	cluster := Cluster{LastAnswer: func() time.Time { return quiet }, Servers: func() []string { return []string{peerAt(1).String()} }}
	p := NewAPIServer(defaults, doors.Reach, cluster)
	until(t, p, "(APIServerUnreachable)") // it accepts
	require.NoError(t, syscall.Kill(-l.peers[0].Process.Pid, syscall.SIGSTOP))
	until(t, p, "(APIServerUnreachable)") // its kernel does
	require.NoError(t, syscall.Kill(-l.peers[0].Process.Pid, syscall.SIGKILL))
	until(t, p, "APIServerUnreachable") // refused
	l.run("ip link set eth0 down")
	until(t, p, "APIServerUnreachable") // no way
	findings, err := p.Probe(t.Context())
	require.NoError(t, err)
	require.Contains(t, findings[0].Message, "no route")
	l.run("ip link set lo down")
	defer l.run("ip link set lo up")
	until(t, p, "APIServerUnreachable") // without loopback as well
}

func TestLab_TheTablesReaderMatters(t *testing.T) {
	raw, err := os.ReadFile("/proc/net/dev")
	require.NoError(t, err)
	require.Equal(t, 3, bytes.Count(raw, []byte("\n")), "lo alone: this is not the machine's network")
}
