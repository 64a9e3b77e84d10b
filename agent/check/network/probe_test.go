package network

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// machine is a small network: links, and who carries what.
type machine struct {
	links    map[int]host.Link
	defaults map[host.Family][]int
	address  int
	err      error
}

func (m *machine) DefaultRoute(_ context.Context, f host.Family) ([]int, bool, error) {
	return m.defaults[f], len(m.defaults[f]) > 0, m.err
}
func (m *machine) LinkOf(context.Context, netip.Addr) (int, error) { return m.address, m.err }
func (m *machine) Link(_ context.Context, index int) (host.Link, error) {
	if link, ok := m.links[index]; ok {
		return link, m.err
	}
	return host.Link{}, host.ErrNoLink
}
func (m *machine) LinkNamed(_ context.Context, name string) (host.Link, error) {
	for _, link := range m.links {
		if link.Name == name {
			return link, m.err
		}
	}
	return host.Link{}, host.ErrNoLink
}
func (m *machine) Changes(context.Context, func(int) bool, func()) error { return nil }

func link(index int, name string) host.Link {
	return host.Link{Index: index, Name: name, Enabled: true, Carrier: true, State: "up"}
}

func ourAddress() netip.Addr { return netip.MustParseAddr("10.0.0.9") }

func look(t *testing.T, p check.Probe) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	findings, err := p.Probe(ctx)
	return said(findings), err
}

func TestLink_WatchesWhatCarriesTheNodeUntilAnotherDoes(t *testing.T) {
	m := &machine{links: map[int]host.Link{2: link(2, "eth0"), 3: link(3, "eth1"), 4: link(4, "veth7")}, defaults: map[host.Family][]int{}}
	p := NewLink(defaults, m, Cluster{Address: ourAddress})
	_, err := look(t, p)
	require.ErrorIs(t, err, check.ErrNotApplicable, "nothing carries anything")

	m.defaults[host.IPv4], m.address = []int{2}, 3
	got, err := look(t, p)
	require.NoError(t, err)
	require.Empty(t, got)
	require.True(t, p.watched.concerns(2))
	require.True(t, p.watched.concerns(3))
	require.False(t, p.watched.concerns(4), "a pod's")

	down := link(2, "eth0")
	down.Enabled = false
	m.links[2], m.defaults[host.IPv4] = down, nil // the kernel takes the routes of a link with it
	got, err = look(t, p)
	require.NoError(t, err)
	require.Equal(t, []string{"LinkDown"}, got)
	delete(m.links, 2)
	got, err = look(t, p)
	require.NoError(t, err)
	require.Equal(t, []string{"LinkDown"}, got, "it was removed altogether")
	require.True(t, p.watched.concerns(9), "it may come back under any index")

	m.links[9] = link(9, "eth0")
	got, err = look(t, p)
	require.NoError(t, err)
	require.Empty(t, got, "it came back")

	m.links[2], m.links[9], m.defaults[host.IPv4] = host.Link{}, down, []int{3}
	got, err = look(t, p)
	require.NoError(t, err)
	require.Empty(t, got, "another link carries the default route now")
}

func TestLink_ThoseConfiguredAreWatchedAndNoOthers(t *testing.T) {
	s := defaults
	s.Interfaces = []string{"eth1"}
	m := &machine{links: map[int]host.Link{3: link(3, "eth1")}, defaults: map[host.Family][]int{host.IPv4: {2}}}
	p := NewLink(s, m, Cluster{})
	got, err := look(t, p)
	require.NoError(t, err)
	require.Empty(t, got)
	delete(m.links, 3)
	got, err = look(t, p)
	require.NoError(t, err)
	require.Equal(t, []string{"LinkDown"}, got)
}

func TestLinkAndRoute_AnErrorOfOursIsNoFault(t *testing.T) {
	m := &machine{defaults: map[host.Family][]int{host.IPv4: {2}}, links: map[int]host.Link{2: link(2, "eth0")}, err: syscall.EMFILE}
	_, err := look(t, NewLink(defaults, m, Cluster{}))
	require.ErrorIs(t, err, syscall.EMFILE)
	_, err = look(t, NewRoute(m, Cluster{}))
	require.ErrorIs(t, err, syscall.EMFILE)
}

func TestRoute_IsAFaultOnlyWhenItWasSeen(t *testing.T) {
	m := &machine{defaults: map[host.Family][]int{}}
	p := NewRoute(m, Cluster{Address: ourAddress})
	_, err := look(t, p)
	require.ErrorIs(t, err, check.ErrNotApplicable)
	m.defaults[host.IPv4] = []int{2}
	got, err := look(t, p)
	require.NoError(t, err)
	require.Empty(t, got)
	m.defaults[host.IPv4] = nil
	got, err = look(t, p)
	require.NoError(t, err)
	require.Equal(t, []string{"NoDefaultRoute"}, got)
	require.True(t, p.watched.concerns(2), "its link is still what matters")
}

func TestConntrack_CountsDropsOnlyBetweenTwoLooks(t *testing.T) {
	paths := hosttest.NewMachine(t)
	p := NewConntrack(defaults, host.NewConntrack(paths))
	_, err := look(t, p)
	require.ErrorIs(t, err, check.ErrNotApplicable)
	for _, step := range []struct {
		count, dropped uint64
		want           []string
	}{
		{500, 1000, []string{}},
		{800, 1000, []string{}}, // all of them were before
		{800, 1009, []string{}},
		{800, 1030, []string{"ConntrackFull"}},
		{800, 1030, []string{}},
		{960, 1030, []string{"ConntrackFull"}},
		{500, 2000, []string{}},
		{800, 2000, []string{}},
	} {
		hosttest.Conntrack{Count: step.count, Max: 1000, Dropped: []uint64{step.dropped}}.Set(t, paths)
		got, err := look(t, p)
		require.NoError(t, err)
		require.Equal(t, step.want, got, "%+v", step)
	}
}

func TestDNS_AsksTheHostsServers(t *testing.T) {
	server := hosttest.ServeDNS(t, 0)
	s := defaults
	s.DNS.Servers = []string{server.Address}
	p := NewDNS(s, host.NewResolver(host.Paths{}))
	got, err := look(t, p)
	require.NoError(t, err)
	require.Empty(t, got)
	server.Code.Store(2)
	got, err = look(t, p)
	require.NoError(t, err)
	require.Empty(t, got, "it answers, and of the root that is all we ask")
	s.DNS.Domain = "example.org"
	got, err = look(t, NewDNS(s, host.NewResolver(host.Paths{})))
	require.NoError(t, err)
	require.Equal(t, []string{"DNSFailing"}, got)
	server.Code.Store(-1)
	got, err = look(t, p)
	require.NoError(t, err)
	require.Equal(t, []string{"DNSFailing"}, got)

	paths := hosttest.NewMachine(t)
	hosttest.SetResolvConf(t, paths)
	_, err = look(t, NewDNS(defaults, host.NewResolver(paths)))
	require.ErrorIs(t, err, check.ErrNotApplicable)
}

// wire counts what is dialed; err is what every dial meets.
type wire struct {
	err    error
	dialed int
}

func (w *wire) Connect(context.Context, context.Context, string) (time.Duration, error) {
	w.dialed++
	return time.Millisecond, w.err
}
func (w *wire) Ask(context.Context, context.Context, string, string) (host.Echo, error) {
	return host.Echo{}, errors.New("not asked here")
}

func TestAPIServer_DialsOnlyWhenItWasQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{err: host.ErrSilent}
		answered := time.Time{}
		period := time.Second
		p := NewAPIServer(defaults, w, Cluster{
			LastAnswer: func() time.Time { return answered }, Period: func() time.Duration { return period },
			Servers: func() []string { return []string{"10.96.0.1:443"} },
		})
		got, err := look(t, p)
		require.NoError(t, err)
		require.Empty(t, got, "it has not had the time to answer")
		time.Sleep(3*time.Second + 1)
		got, err = look(t, p)
		require.NoError(t, err)
		require.Equal(t, []string{"APIServerUnreachable"}, got, "never answered, and does not accept")
		require.Equal(t, 1, w.dialed)

		answered = time.Now()
		time.Sleep(2 * time.Second)
		got, err = look(t, p)
		require.NoError(t, err)
		require.Empty(t, got)
		period = 10 * time.Second
		time.Sleep(20 * time.Second)
		_, err = look(t, p)
		require.NoError(t, err)
		require.Equal(t, 1, w.dialed, "a node that beats every 10 s hears nothing in between")
		time.Sleep(10 * time.Second)
		w.err = nil
		got, err = look(t, p)
		require.NoError(t, err)
		require.Equal(t, []string{"(APIServerUnreachable)"}, got, "it accepts: slow, and not our network")
	})
	_, err := look(t, NewAPIServer(defaults, &wire{}, Cluster{}))
	require.ErrorIs(t, err, check.ErrNotApplicable)
}

func TestPeers_CountThoseThatAnsweredOnce(t *testing.T) {
	var servers []*httptest.Server
	var addresses []netip.AddrPort
	for range 4 {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
		defer server.Close()
		servers = append(servers, server)
		addresses = append(addresses, netip.MustParseAddrPort(server.Listener.Addr().String()))
	}
	named := []netip.AddrPort{}
	p := NewPeers(defaults, host.Reach{}, Cluster{Peers: func() []netip.AddrPort { return named }, Address: ourAddress})
	_, err := look(t, p)
	require.ErrorIs(t, err, check.ErrNotApplicable)

	named = append(addresses, netip.MustParseAddrPort("10.0.0.9:10298")) //nolint:gocritic // we are among them
	got, err := look(t, p)
	require.NoError(t, err)
	require.Equal(t, []string{"(PeersUnreachable)"}, got, "nobody is known yet")
	got, err = look(t, p)
	require.NoError(t, err)
	require.Empty(t, got, "503 is an answer")
	require.Len(t, p.known, 4, "and not ourselves")

	for _, s := range servers {
		s.Close()
	}
	got, err = look(t, p)
	require.NoError(t, err)
	require.Empty(t, got, "refused is reached")
	named = addresses[:2]
	_, err = look(t, p)
	require.NoError(t, err)
	require.Len(t, p.known, 2, "those that left are forgotten")
}

func TestPeers_FrozenOnesAreNotOurFault(t *testing.T) {
	var all []netip.AddrPort
	for range 3 {
		frozen, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer frozen.Close() //nolint:errcheck // a test
		all = append(all, netip.MustParseAddrPort(frozen.Addr().String()))
	}
	p := NewPeers(defaults, host.Reach{}, Cluster{Peers: func() []netip.AddrPort { return all }})
	for _, one := range all {
		p.known[one] = true
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	findings, err := p.Probe(ctx)
	require.NoError(t, err)
	require.Empty(t, findings)
}

func TestPeers_TheConfiguredOnesWinAndOnlyAFewAreAsked(t *testing.T) {
	s := defaults
	for _, last := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		s.Peers.Addresses = append(s.Peers.Addresses, "10.0.0."+last+":10298")
	}
	p := NewPeers(s, host.Reach{}, Cluster{Peers: func() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort("10.9.9.9:1")} }})
	require.Len(t, p.choose(), mostPeers)
	require.NotContains(t, p.choose(), netip.MustParseAddrPort("10.9.9.9:1"))
}

func BenchmarkLook(b *testing.B) {
	doors := host.Open(host.Paths{})
	cluster := Cluster{
		Address: ourAddress, LastAnswer: time.Now, Period: func() time.Duration { return time.Hour },
		Servers: func() []string { return nil },
	}
	for name, p := range map[string]check.Probe{
		"link": NewLink(defaults, doors.Network, cluster), "route": NewRoute(doors.Network, cluster),
		"conntrack": NewConntrack(defaults, doors.Conntrack), "apiserver": NewAPIServer(defaults, doors.Reach, cluster),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := p.Probe(b.Context())
				if err != nil && !errors.Is(err, check.ErrNotApplicable) {
					b.Fatal(err)
				}
			}
		})
	}
}

// names is a host whose resolv.conf names one server.
type names struct{ heard bool }

func (*names) Servers() ([]string, error) { return []string{"127.0.0.1:53"}, nil }
func (n *names) Ask(context.Context, context.Context, string, string) (host.Answer, error) {
	return host.Answer{Heard: n.heard, Error: "refused"}, nil
}

func TestDNS_AServerThatNeverAnsweredIsNotMissed(t *testing.T) {
	door := &names{}
	p := NewDNS(config.DefaultChecks().Network, door)
	_, err := p.Probe(t.Context())
	require.ErrorIs(t, err, check.ErrNotApplicable)
	door.heard = true
	findings, err := p.Probe(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings)
	door.heard = false
	findings, err = p.Probe(t.Context())
	require.NoError(t, err)
	require.Len(t, findings, 1, "it answered before")
}
