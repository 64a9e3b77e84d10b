//go:build daemons

package netfilter

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// TestRewrites: what kube-proxy does all day is no fault, in whichever moment we look.
func TestRewrites(t *testing.T) {
	for name, c := range map[string]struct{ write, rewrite string }{
		// As kube-proxy does at a full sync: every chain flushed and written again, all in one transaction.
		"nftables": {writeNft, "(for f in ip ip6; do for c in nat-prerouting nat-output nat-postrouting services masquerading; do echo flush chain $f kube-proxy $c; done; done; cat testdata/kube-proxy.nft) | nft -f -"},
		// As an administrator's reload does.
		"nftables, deleted and made again": {writeNft, "(echo 'flush ruleset'; cat testdata/kube-proxy.nft) | nft -f -"},
		"iptables":                         {writeIptables, "iptables-nft-restore testdata/kube-proxy.iptables; ip6tables-nft-restore testdata/kube-proxy.ip6tables"},
		"legacy":                           {writeLegacy, "iptables-legacy-restore testdata/kube-proxy.iptables; ip6tables-legacy-restore testdata/kube-proxy.ip6tables"},
	} {
		t.Run(name, func(t *testing.T) {
			enter(t)
			sh(t, c.write)
			p := newProbe(t)
			requireWell(t, p)
			var rewritten atomic.Int32
			inTheSame(t, func(ctx context.Context) {
				for ctx.Err() == nil && rewritten.Load() < 300 {
					// Twenty at a time, or starting shells would take most of it.
					if err := shell(ctx, "for i in $(seq 20); do "+c.rewrite+"; done"); err != nil {
						if ctx.Err() == nil {
							t.Error(err)
						}
						return
					}
					rewritten.Add(20)
				}
			})
			looks, unsure := 0, 0
			pace := time.NewTicker(500 * time.Microsecond) // or we would take a processor for ourselves
			defer pace.Stop()
			for rewritten.Load() < 300 && !t.Failed() {
				<-pace.C
				findings, err := look(t, p)
				require.Empty(t, findings)
				if err != nil {
					require.ErrorIs(t, err, errMoving)
					unsure++
				}
				looks++
			}
			t.Logf("%d looks during %d rewrites, %d could not tell", looks, rewritten.Load(), unsure)
			require.GreaterOrEqual(t, looks, 300)
			require.Zero(t, unsure)
		})
	}
}

func TestWatch_TellsOfATransactionAndWhoMadeIt(t *testing.T) {
	enter(t)
	sh(t, writeNft)
	p := newProbe(t)
	told := watch(t, p)
	requireWell(t, p)
	sh(t, "nft flush table ip kube-proxy")
	<-told
	findings, err := look(t, p)
	require.NoError(t, err)
	require.Equal(t, v1alpha1.ReasonNetfilterEmpty, findings[0].Reason)
	require.Contains(t, findings[0].Message, "nftables was last written by nft")
}

func TestWatch_AStormOfRulesIsOneEvent(t *testing.T) {
	enter(t)
	p := newProbe(t)
	told := watch(t, p)
	sh(t, "nft -f -", manyRules(20_000))
	<-told
	sh(t, "nft add table ip last")
	<-told
	require.LessOrEqual(t, len(told), 1, "one for each transaction, however many rules it wrote")
}

// watch begins, and returns when it was told of something. What it is told is received from the channel.
func watch(t *testing.T, p *Probe) <-chan struct{} {
	t.Helper()
	told := make(chan struct{}, 1000)
	inTheSame(t, func(ctx context.Context) { _ = p.Watch(ctx, func() { told <- struct{}{} }) })
	for {
		sh(t, "nft add table ip first; nft delete table ip first")
		select {
		case <-told:
			sh(t, "nft add table ip first")
			<-told
			for len(told) > 0 {
				<-told
			}
			return told
		case <-time.After(20 * time.Millisecond): // it does not listen yet
		}
	}
}

// manyRules are kube-proxy's in nftables mode with that many more, in chains of 50.
func manyRules(n int) string {
	var script strings.Builder
	script.WriteString("add table ip kube-proxy\n")
	for i := range n {
		if i%50 == 0 {
			fmt.Fprintf(&script, "add chain ip kube-proxy service-%08d-ns/many/tcp/http\n", i/50)
		}
		fmt.Fprintf(&script, "add rule ip kube-proxy service-%08d-ns/many/tcp/http ip saddr 10.%d.%d.%d meta l4proto tcp dnat to 10.0.0.1:80\n",
			i/50, i>>16&255, i>>8&255, i&255)
	}
	return script.String()
}

// TestWithoutTheCapability: everything takes NET_ADMIN, and its lack is said, not taken for a fault.
func TestWithoutTheCapability(t *testing.T) {
	for name, write := range map[string]string{"nftables": writeNft, "legacy": writeLegacy} {
		t.Run(name, func(t *testing.T) {
			enter(t)
			sh(t, write)
			p := newProbe(t)
			requireWell(t, p)
			if name == "nftables" {
				p.door.(interface{ Close() }).Close() // a socket keeps what its opener was allowed
			}
			dropNetAdmin(t)
			findings, err := look(t, p)
			require.Empty(t, findings)
			require.ErrorContains(t, err, "NET_ADMIN")
			require.ErrorContains(t, p.Watch(t.Context(), func() {}), "NET_ADMIN")
			_, err = p.door.LegacyTables(t.Context(), legacyTables...)
			if name == "legacy" {
				require.ErrorContains(t, err, "NET_ADMIN")
			}
		})
	}
}

// dropNetAdmin takes the capability from this thread, which ends with the test.
func dropNetAdmin(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	require.NoError(t, unix.Capget(&header, &data[0]))
	data[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	data[0].Permitted &^= 1 << unix.CAP_NET_ADMIN
	require.NoError(t, unix.Capset(&header, &data[0]))
}
