package netfilter

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// processes is a process table by the name that is searched for.
type processes map[string]host.Process

func (p processes) Find(_ context.Context, pattern host.Pattern) (host.Process, error) {
	if found, ok := p[pattern.Names[0]]; ok {
		return found, nil
	}
	return host.Process{}, host.ErrNoProcess
}

// answers are by address.
type answers map[string]host.Reply

func (a answers) Get(_, _ context.Context, address string) (host.Reply, error) {
	if reply, ok := a[address]; ok {
		return reply, nil
	}
	return host.Reply{}, host.ErrRefused
}

func probeOf(t *testing.T, rules *fakeRuleset, running processes, speaking answers) *Probe {
	t.Helper()
	p := New(config.DefaultChecks().Netfilter, host.Open(hosttest.NewMachine(t)))
	p.door, p.http = rules, speaking
	p.searches = map[string]Search{KubeProxy: running, Calico: running}
	return p
}

func TestProbe_ReadsNothingWhileNothingMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := kubeProxy()
		p := probeOf(t, rules, nil, nil)
		for range 30 {
			findings, err := p.Probe(t.Context())
			require.NoError(t, err)
			require.Empty(t, findings)
			time.Sleep(time.Second)
		}
		once := rules.reads
		require.Less(t, once, 20, "read at the first look alone")
		time.Sleep(time.Second)
		_, err := p.Probe(t.Context())
		require.NoError(t, err)
		require.Greater(t, rules.reads, once, "and every 30 s, whatever the kernel says")
	})
}

func TestProbe_LooksWhenTheGenerationMoves(t *testing.T) {
	rules := kubeProxy()
	p := probeOf(t, rules, nil, nil)
	_, err := p.Probe(t.Context())
	require.NoError(t, err)
	rules.flush()
	for range 3 {
		findings, err := p.Probe(t.Context())
		require.NoError(t, err)
		require.Equal(t, v1alpha1.ReasonNetfilterEmpty, findings[0].Reason)
		require.Contains(t, findings[0].Message, "last written by nft")
	}
}

func TestProbe_ReadsAnewWhatWasRewrittenWhileItWasRead(t *testing.T) {
	rules, whole := kubeProxy(), kubeProxy().tables
	p := probeOf(t, rules, nil, nil)
	_, err := p.Probe(t.Context())
	require.NoError(t, err)
	rules.flush()
	moves := 2
	rules.tables = map[host.RuleTable]map[string][]host.Rule{{Family: host.IPv4, Name: "kube-proxy"}: {}}
	rules.onRead = func() {
		if moves--; moves == 0 {
			rules.generation.ID++
			rules.tables = whole
		}
	}
	findings, err := p.Probe(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings)
}

func TestProbe_CouldNotTellWhenItMovesAllTheTime(t *testing.T) {
	rules := kubeProxy()
	p := probeOf(t, rules, nil, nil)
	_, err := p.Probe(t.Context())
	require.NoError(t, err)
	rules.tables = map[host.RuleTable]map[string][]host.Rule{{Family: host.IPv4, Name: "kube-proxy"}: {}}
	rules.onRead = func() { rules.generation.ID++ }
	rules.generation.ID++
	_, err = p.Probe(t.Context())
	require.ErrorIs(t, err, errMoving)
}

func TestProbe_BelievesWholeRulesThatMove(t *testing.T) {
	rules := kubeProxy()
	rules.onRead = func() { rules.generation.ID++ }
	findings, err := probeOf(t, rules, nil, nil).Probe(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings)
}

func TestProbe_FindsKubeProxyThatWroteNothing(t *testing.T) {
	url := config.DefaultChecks().Netfilter.ProxyModeURL
	for name, c := range map[string]struct {
		running  processes
		speaking answers
		found    bool
	}{
		"by its process":                     {running: processes{"kube-proxy": {PID: 7, State: 'S'}}, found: true},
		"not by its zombie":                  {running: processes{"kube-proxy": {PID: 7, State: 'Z'}}},
		"by its answer":                      {speaking: answers{url: {Status: http.StatusOK, Body: "iptables\n"}}, found: true},
		"not by somebody else's":             {speaking: answers{url: {Status: http.StatusOK, Body: "hello"}}},
		"not by a refusal":                   {speaking: answers{url: {Status: http.StatusNotFound, Body: "iptables"}}},
		"and not by felix, which may do BPF": {running: processes{"calico-node": {PID: 7, State: 'S'}}},
	} {
		t.Run(name, func(t *testing.T) {
			findings, err := probeOf(t, &fakeRuleset{}, c.running, c.speaking).Probe(t.Context())
			if !c.found {
				require.ErrorIs(t, err, check.ErrNotApplicable)
				return
			}
			require.NoError(t, err)
			require.Equal(t, v1alpha1.ReasonNetfilterEmpty, findings[0].Reason)
			require.True(t, findings[0].Restarting, "it may have just started")
		})
	}
}

func TestProbe_LeavesOutWhatIsIgnored(t *testing.T) {
	o := config.DefaultChecks().Netfilter
	o.Ignore = []string{KubeProxy}
	p := New(o, host.Open(hosttest.NewMachine(t)))
	p.door, p.http = kubeProxy(), answers{}
	p.searches = map[string]Search{Calico: processes{}}
	_, err := p.Probe(t.Context())
	require.ErrorIs(t, err, check.ErrNotApplicable)
}

func TestProbe_CouldNotTellWhatItMayNotRead(t *testing.T) {
	denied := errors.New("operation not permitted")
	_, err := probeOf(t, &fakeRuleset{err: denied}, nil, nil).Probe(t.Context())
	require.ErrorIs(t, err, denied)
}

func TestProbe_DoesNotApplyToAKernelWithoutNftables(t *testing.T) {
	_, err := probeOf(t, &fakeRuleset{err: host.ErrNoNftables}, nil, nil).Probe(t.Context())
	require.ErrorIs(t, err, check.ErrNotApplicable)
}

func BenchmarkProbe_NothingMoved(b *testing.B) {
	p := &Probe{door: kubeProxy(), layouts: layouts, http: answers{}, searches: map[string]Search{}}
	for b.Loop() {
		if findings, err := p.Probe(b.Context()); err != nil || findings != nil {
			b.Fatal(findings, err)
		}
	}
}
