package network

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

var defaults = config.DefaultChecks().Network

// said is the reasons of findings, a note in brackets.
func said(findings []check.Finding) []string {
	out := []string{}
	for _, f := range findings {
		if f.Note {
			out = append(out, "("+string(f.Reason)+")")
		} else {
			out = append(out, string(f.Reason))
		}
	}
	return out
}

func TestJudgeLinks(t *testing.T) {
	well := host.Link{Index: 2, Name: "eth0", Enabled: true, Carrier: true, State: "up"}
	with := func(change func(*seenLink)) seenLink {
		s := seenLink{name: "eth0", role: roleIPv4, link: well}
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		seen    []seenLink
		want    []string
		message string
	}{
		"up":                              {[]seenLink{with(func(*seenLink) {})}, []string{}, ""},
		"a driver that does not say":      {[]seenLink{with(func(s *seenLink) { s.link.State = "unknown" })}, []string{}, ""},
		"set down":                        {[]seenLink{with(func(s *seenLink) { s.link.Enabled = false })}, []string{"LinkDown"}, "eth0 is set down; it carries the IPv4 default route"},
		"no cable":                        {[]seenLink{with(func(s *seenLink) { s.link.Carrier, s.link.State = false, "down" })}, []string{"LinkDown"}, "eth0 has no carrier (down); it carries the IPv4 default route"},
		"waits for a login to the switch": {[]seenLink{with(func(s *seenLink) { s.link.State = "dormant" })}, []string{"LinkDown"}, "eth0 is dormant; it carries the IPv4 default route"},
		"gone":                            {[]seenLink{with(func(s *seenLink) { s.gone, s.link = true, host.Link{} })}, []string{"LinkDown"}, "eth0 is gone; it carries the IPv4 default route"},
		"one of two ways is down":         {[]seenLink{with(func(*seenLink) {}), with(func(s *seenLink) { s.name, s.link.Carrier = "eth1", false })}, []string{"LinkDown"}, "eth1 has no carrier (up); it carries the IPv4 default route"},
		"a reset of the card":             {[]seenLink{with(func(s *seenLink) { s.flaps = 5 })}, []string{}, ""},
		"flaps":                           {[]seenLink{with(func(s *seenLink) { s.flaps = 6 })}, []string{"LinkFlapping"}, "the carrier of eth0 changed 6 times within 1m0s; it carries the IPv4 default route"},
		"flaps and is down: down first":   {[]seenLink{with(func(s *seenLink) { s.flaps, s.link.Carrier = 7, false })}, []string{"LinkDown", "LinkFlapping"}, "eth0 has no carrier (up); it carries the IPv4 default route"},
	} {
		t.Run(name, func(t *testing.T) {
			got := judgeLinks(c.seen, defaults.Flapping)
			require.Equal(t, c.want, said(got))
			if c.message != "" {
				require.Equal(t, c.message, got[0].Message)
			}
		})
	}
}

func TestHistory_CountsChangesWithinTheWindow(t *testing.T) {
	now := time.Now()
	at := func(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }
	look := func(h history, seconds int, count uint32) history {
		return h.after(seenLink{link: host.Link{Changes: count}}, at(seconds), time.Minute)
	}
	h := look(history{}, 0, 40)
	require.Zero(t, h.changes(), "what was before we looked is not ours to count")
	h = look(h, 1, 40)
	h = look(h, 10, 44)
	h = look(h, 20, 46)
	require.EqualValues(t, 6, h.changes(), "the kernel counts between our looks")
	h = look(h, 75, 46)
	require.EqualValues(t, 2, h.changes(), "those of the tenth second are over")
	h = look(h, 81, 46)
	require.Zero(t, h.changes())
	require.Len(t, h.marks, 1)
	h = look(h, 82, 2)
	require.Zero(t, h.changes(), "made anew, it counts from 0")
	h = h.after(seenLink{gone: true}, at(83), time.Minute)
	require.EqualValues(t, 2, h.marks[0].count)
	for i := range 5000 {
		h = look(h, 84, uint32(3+i))
	}
	require.LessOrEqual(t, len(h.marks), maxMarks)
}

func TestJudgeRoutes(t *testing.T) {
	type routes = map[host.Family]bool
	none, v4, v6, both := routes{}, routes{host.IPv4: true}, routes{host.IPv6: true}, routes{host.IPv4: true, host.IPv6: true}
	for name, c := range map[string]struct {
		had, has routes
		ours     host.Family
		want     []string
	}{
		"has what it had":                     {both, both, host.IPv4, []string{}},
		"lost":                                {v4, none, host.IPv4, []string{"NoDefaultRoute"}},
		"lost, and our address is unknown":    {v4, none, 0, []string{"NoDefaultRoute"}},
		"the other family's is lost":          {both, v4, host.IPv4, []string{"(NoDefaultRoute)"}},
		"ours is lost, the other is there":    {both, v6, host.IPv4, []string{"NoDefaultRoute"}},
		"a node of IPv6":                      {both, v4, host.IPv6, []string{"NoDefaultRoute"}},
		"both lost":                           {both, none, host.IPv6, []string{"(NoDefaultRoute)", "NoDefaultRoute"}},
		"ours never had one, the other lost":  {v6, none, host.IPv4, []string{"NoDefaultRoute"}},
		"a family that came later and stayed": {both, both, host.IPv6, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := judgeRoutes(c.had, c.has, c.ours)
			require.NoError(t, err)
			require.Equal(t, c.want, said(got))
		})
	}
	_, err := judgeRoutes(none, none, host.IPv4)
	require.ErrorIs(t, err, check.ErrNotApplicable)
}

func TestJudgeRoom(t *testing.T) {
	for name, c := range map[string]struct {
		room room
		want []string
	}{
		"empty":                {room{0, 262144, 0}, []string{}},
		"nearly":               {room{94_999, 100_000, 9}, []string{}},
		"full":                 {room{95_000, 100_000, 0}, []string{"ConntrackFull"}},
		"over":                 {room{100_001, 100_000, 0}, []string{"ConntrackFull"}},
		"drops before it is":   {room{80_000, 100_000, 10}, []string{"ConntrackFull"}},
		"without limit":        {room{1 << 40, 0, 0}, []string{}},
		"tables of test nodes": {room{9, 10, 0}, []string{}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, said(judgeRoom(c.room, defaults.Conntrack))) })
	}
}

func TestJudgeDNS(t *testing.T) {
	works := server{"a", host.Answer{Heard: true}, nil}
	says := server{"b", host.Answer{Heard: true, Error: "server misbehaving"}, nil}
	silent := server{"c", host.Answer{Error: "i/o timeout"}, nil}
	ours := server{"d", host.Answer{}, syscall.EMFILE}
	for name, c := range map[string]struct {
		all    []server
		domain string
		want   []string
		fails  bool
	}{
		"works":                            {[]server{works}, "", []string{}, false},
		"whatever comes back is an answer": {[]server{says}, "", []string{}, false},
		"a domain must be answered":        {[]server{says}, "example.org", []string{"DNSFailing"}, false},
		"silent":                           {[]server{silent, silent}, "", []string{"DNSFailing"}, false},
		"one of two is silent":             {[]server{silent, works}, "", []string{"(DNSFailing)"}, false},
		"we could not ask":                 {[]server{ours}, "", nil, true},
		"one silent, one we could not ask": {[]server{silent, ours}, "", nil, true},
		"one works, one we could not ask":  {[]server{works, ours}, "", []string{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := judgeDNS(c.all, c.domain)
			require.Equal(t, c.fails, err != nil)
			if !c.fails {
				require.Equal(t, c.want, said(got))
			}
		})
	}
}

func TestJudgeAPI(t *testing.T) {
	for name, c := range map[string]struct {
		errs  []error
		want  []string
		fails bool
	}{
		"accepts":                               {[]error{host.ErrSilent, nil}, []string{"(APIServerUnreachable)"}, false},
		"silent, refused and no route":          {[]error{host.ErrSilent, host.ErrRefused, host.ErrNoWay}, []string{"APIServerUnreachable"}, false},
		"its name is not resolved":              {[]error{host.ErrNoName}, []string{"APIServerUnreachable"}, false},
		"we could not ask one":                  {[]error{host.ErrSilent, syscall.EMFILE}, nil, true},
		"we could not ask one, another accepts": {[]error{nil, syscall.EMFILE}, []string{"(APIServerUnreachable)"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var all []dial
			for _, err := range c.errs {
				all = append(all, dial{"10.0.0.1:6443", err})
			}
			got, err := judgeAPI(20*time.Second, all)
			require.Equal(t, c.fails, err != nil)
			if !c.fails {
				require.Equal(t, c.want, said(got))
				require.Contains(t, got[0].Message, "over 10 s")
			}
		})
	}
}

func TestRough_SaysTheSameForLong(t *testing.T) {
	for d, want := range map[time.Duration]string{
		4 * time.Second: "seconds", 11 * time.Second: "over 10 s", 59 * time.Second: "over 10 s", 2 * time.Minute: "over 1 min",
		15 * time.Minute: "over 10 min", 90 * time.Minute: "over 60 min",
	} {
		require.Equal(t, want, rough(d))
	}
}

func TestJudgePeers(t *testing.T) {
	near, far := time.Millisecond, 1100*time.Millisecond
	well := peer{known: true, connected: near}
	frozen := peer{known: true, connected: near, err: host.ErrSilent}
	refuses := peer{known: true, err: host.ErrRefused}
	lost := peer{known: true, err: host.ErrSilent}
	noWay := peer{known: true, err: host.ErrNoWay}
	slow := peer{known: true, connected: far}
	slowAndSilent := peer{known: true, connected: far, err: host.ErrSilent}
	fresh, newAndLost := peer{connected: near}, peer{err: host.ErrSilent}
	ours := peer{known: true, err: syscall.EMFILE}
	for name, c := range map[string]struct {
		all   []peer
		want  []string
		fails bool
	}{
		"all answer":                            {[]peer{well, well, well}, []string{}, false},
		"one is dead: its own fault":            {[]peer{well, well, lost}, []string{}, false},
		"two of five":                           {[]peer{well, well, well, lost, lost}, []string{}, false},
		"two of three":                          {[]peer{well, lost, lost}, []string{"PeersUnreachable"}, false},
		"three of four":                         {[]peer{well, lost, lost, noWay}, []string{"PeersUnreachable"}, false},
		"three of five is less than two thirds": {[]peer{well, well, lost, lost, noWay}, []string{}, false},
		"all":                                   {[]peer{noWay, noWay, noWay, lost, lost}, []string{"PeersUnreachable"}, false},
		"refused is reached":                    {[]peer{refuses, refuses, refuses}, []string{}, false},
		"frozen ones are not lost":              {[]peer{frozen, frozen, frozen, well}, []string{}, false},
		"both of two say nothing":               {[]peer{lost, lost}, []string{"(PeersUnreachable)"}, false},
		"never answered: a firewall":            {[]peer{newAndLost, newAndLost, newAndLost, newAndLost}, []string{"(PeersUnreachable)"}, false},
		"new ones do not count yet":             {[]peer{fresh, fresh, fresh}, []string{"(PeersUnreachable)"}, false},
		"new ones do not dilute":                {[]peer{fresh, fresh, lost, lost, lost}, []string{"PeersUnreachable"}, false},
		"slow":                                  {[]peer{slow, slow, well}, []string{"LinkSlow"}, false},
		"slow, and one does not answer in time": {[]peer{slow, slowAndSilent, well}, []string{"LinkSlow"}, false},
		"slow or lost":                          {[]peer{slow, lost, lost, well, well}, []string{}, false},
		"slow or lost, most":                    {[]peer{slow, lost, lost, well}, []string{"LinkSlow"}, false},
		"one is slow":                           {[]peer{slow, well, well}, []string{}, false},
		"we could not ask":                      {[]peer{ours, ours, ours}, nil, true},
		"we could not ask one":                  {[]peer{ours, well, well, well}, []string{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range c.all {
				c.all[i].address = netip.MustParseAddrPort("10.0.0.1:10298")
			}
			got, err := judgePeers(c.all, defaults.Peers.SlowAfter.Duration)
			require.Equal(t, c.fails, err != nil, err)
			if !c.fails {
				require.Equal(t, c.want, said(got))
			}
		})
	}
}
