package netfilter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// Places of the table.
var (
	nft4  = place{layout: layoutOf(KubeProxy, "nftables"), backend: nfTables, family: host.IPv4}
	nft6  = place{layout: layoutOf(KubeProxy, "nftables"), backend: nfTables, family: host.IPv6}
	ipt4  = place{layout: layoutOf(KubeProxy, "iptables"), backend: nfTables, family: host.IPv4}
	cali4 = place{layout: layoutOf(Calico, "iptables"), backend: nfTables, family: host.IPv4}
)

func layoutOf(owner, mode string) *layout {
	for _, one := range layouts {
		if one.owner == owner && one.mode == mode {
			return one
		}
	}
	panic("no such layout")
}

// Destinations of the table.
var (
	leads   = destinations{kubernetes: true, any: true}
	others  = destinations{any: true}
	refused = destinations{refused: true}
	ipvs    = destinations{elsewhere: true}
	nowhere destinations
)

// seen is a sighting that holds all anchors but those.
func seen(at place, d destinations, without ...int) sighting {
	s := sighting{place: at, held: make([]bool, len(at.layout.anchors)), destinations: d}
	for i := range s.held {
		s.held[i] = true
	}
	for _, i := range without {
		s.held[i] = false
	}
	return s
}

// gone holds none.
func gone(at place) sighting { return sighting{place: at, held: make([]bool, len(at.layout.anchors))} }

// left holds none, and a chain of the owner is still there.
func left(at place) sighting {
	s := gone(at)
	s.signed = true
	return s
}

var (
	here     = keeper{found: true}
	young    = keeper{found: true, young: true}
	noKeeper keeper
)

// TestJudge is the specification: what was seen before, what is seen now, and what is concluded.
func TestJudge(t *testing.T) {
	const (
		empty   = v1alpha1.ReasonNetfilterEmpty
		missing = v1alpha1.ReasonNetfilterAnchorMissing
		noDNAT  = v1alpha1.ReasonNetfilterNoDestinations
	)
	type looks []sighting
	for name, c := range map[string]struct {
		before     looks
		now        looks
		keeper     keeper
		expected   []string
		reason     v1alpha1.Reason // empty: healthy
		restarting bool
		notHere    bool
	}{
		"never seen": {notHere: true},
		"never seen, calico's process is no proof":     {keeper: noKeeper, notHere: true},
		"kube-proxy runs and never wrote":              {keeper: here, reason: empty, restarting: true},
		"kube-proxy says its mode and never wrote":     {keeper: keeper{mode: "nftables"}, reason: empty, restarting: true},
		"configured and never seen":                    {expected: []string{Calico}, reason: empty, restarting: true},
		"whole":                                        {now: looks{seen(nft4, leads)}},
		"whole, and others' endpoints only":            {now: looks{seen(nft4, others)}},
		"whole from the first look, IPv6 has none":     {now: looks{seen(nft4, leads), seen(nft6, nowhere)}},
		"IPv6 had some and has none":                   {before: looks{seen(nft4, leads), seen(nft6, others)}, now: looks{seen(nft4, leads), seen(nft6, nowhere)}},
		"gone":                                         {before: looks{seen(nft4, leads)}, now: looks{gone(nft4)}, reason: empty},
		"gone, and its table too":                      {before: looks{seen(ipt4, leads)}, now: looks{gone(ipt4)}, keeper: here, reason: empty},
		"gone, its chains are left":                    {before: looks{seen(ipt4, leads)}, now: looks{left(ipt4)}, reason: empty},
		"gone in one family":                           {before: looks{seen(nft4, leads), seen(nft6, others)}, now: looks{seen(nft4, leads), gone(nft6)}, reason: empty},
		"gone, and kube-proxy is young":                {before: looks{seen(nft4, leads)}, now: looks{gone(nft4)}, keeper: young, reason: empty, restarting: true},
		"gone for another mode":                        {before: looks{seen(ipt4, leads)}, now: looks{gone(ipt4), seen(nft4, leads)}},
		"leftovers of another mode do not excuse":      {before: looks{seen(ipt4, leads)}, now: looks{gone(ipt4), seen(nft4, leads, 0)}, reason: empty},
		"another family does not excuse":               {before: looks{seen(ipt4, leads)}, now: looks{gone(ipt4), seen(nft6, leads)}, reason: empty},
		"chains without rules, from the first look":    {now: looks{left(ipt4)}, reason: empty, restarting: true},
		"gone, and kube-proxy says another mode":       {before: looks{seen(ipt4, leads)}, now: looks{gone(ipt4)}, keeper: keeper{mode: "nftables"}, reason: empty, restarting: true},
		"gone, and kube-proxy says the same mode":      {before: looks{seen(ipt4, leads)}, now: looks{gone(ipt4)}, keeper: keeper{mode: "iptables"}, reason: empty},
		"an anchor is missing":                         {before: looks{seen(nft4, leads)}, now: looks{seen(nft4, leads, 1)}, reason: missing},
		"an anchor is missing, kube-proxy is young":    {before: looks{seen(nft4, leads)}, now: looks{seen(nft4, leads, 1)}, keeper: young, reason: missing, restarting: true},
		"an anchor is missing from the first look":     {now: looks{seen(nft4, leads, 1)}, reason: missing, restarting: true},
		"an anchor that is learned, from the first":    {now: looks{seen(ipt4, leads, 6)}},
		"an anchor that was learned":                   {before: looks{seen(ipt4, leads)}, now: looks{seen(ipt4, leads, 6)}, reason: missing},
		"calico with half of its anchors":              {now: looks{seen(cali4, nowhere, 4, 5, 6)}},
		"calico loses one it had":                      {before: looks{seen(cali4, nowhere, 4, 5, 6)}, now: looks{seen(cali4, nowhere, 1, 4, 5, 6)}, reason: missing},
		"calico is gone, kube-proxy whole":             {before: looks{seen(cali4, nowhere), seen(nft4, leads)}, now: looks{gone(cali4), seen(nft4, leads)}, reason: empty},
		"kubernetes leads nowhere any more":            {before: looks{seen(nft4, leads)}, now: looks{seen(nft4, others)}, reason: noDNAT},
		"kubernetes is refused":                        {before: looks{seen(nft4, leads)}, now: looks{seen(nft4, refused)}},
		"nothing leads anywhere any more":              {before: looks{seen(nft4, others)}, now: looks{seen(nft4, nowhere)}, reason: noDNAT},
		"nothing leads anywhere, kube-proxy is young":  {before: looks{seen(nft4, others)}, now: looks{seen(nft4, nowhere)}, keeper: young, reason: noDNAT, restarting: true},
		"nothing led anywhere from the first look":     {now: looks{seen(nft4, nowhere)}, reason: noDNAT, restarting: true},
		"IPVS has its destinations elsewhere":          {now: looks{seen(ipt4, ipvs)}},
		"a missing anchor is said before destinations": {before: looks{seen(nft4, leads)}, now: looks{seen(nft4, nowhere, 1)}, reason: missing},
	} {
		t.Run(name, func(t *testing.T) {
			var m memory
			if c.before != nil {
				m = m.after(observation{sightings: c.before})
			}
			findings, err := judge(observation{sightings: c.now, keepers: map[string]keeper{KubeProxy: c.keeper}}, m, c.expected)
			if c.notHere {
				require.ErrorIs(t, err, check.ErrNotApplicable)
				return
			}
			require.NoError(t, err)
			if c.reason == "" {
				require.Empty(t, findings)
				return
			}
			require.NotEmpty(t, findings)
			require.Equal(t, c.reason, findings[0].Reason, findings[0].Message)
			require.Equal(t, c.restarting, findings[0].Restarting)
			require.Equal(t, c.restarting, findings[0].Grace == 45*time.Second)
		})
	}
}

func TestJudge_NamesWhatIsMissingAndWhoWroteLast(t *testing.T) {
	m := memory{}.after(observation{sightings: []sighting{seen(ipt4, leads)}})
	findings, err := judge(observation{sightings: []sighting{seen(ipt4, leads, 0, 3)}, writer: "nft"}, m, nil)
	require.NoError(t, err)
	require.Equal(t, "kube-proxy's iptables rules for IPv4 (nf_tables): nat PREROUTING does not lead to KUBE-SERVICES, "+
		"nat KUBE-POSTROUTING has no rules; nftables was last written by nft", findings[0].Message)
}

func TestMemory_ForgetsTheModeThatWasReplaced(t *testing.T) {
	m := memory{}.after(observation{sightings: []sighting{seen(ipt4, leads)}})
	m = m.after(observation{sightings: []sighting{gone(ipt4), seen(nft4, leads)}})
	require.NotContains(t, m.places, ipt4)
	findings, err := judge(observation{sightings: []sighting{gone(nft4)}}, m, nil)
	require.NoError(t, err)
	require.Equal(t, v1alpha1.ReasonNetfilterEmpty, findings[0].Reason)
}

func TestMemory_IsAValue(t *testing.T) {
	first := memory{}.after(observation{sightings: []sighting{seen(nft4, others)}})
	_ = first.after(observation{sightings: []sighting{seen(nft4, leads)}})
	require.False(t, first.places[nft4].kubernetes)
}
