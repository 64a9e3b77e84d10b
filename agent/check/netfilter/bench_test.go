//go:build daemons

package netfilter

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// BenchmarkLook compares a look with the commands that the sources run, on 50 000 rules beside kube-proxy's own.
func BenchmarkLook(b *testing.B) {
	const rules = 50_000
	look := func(b *testing.B, p *Probe, anew bool) {
		b.Helper()
		requireWell(b, p)
		b.ReportAllocs()
		defer cpuTime(b, unix.RUSAGE_THREAD)()
		for b.Loop() {
			p.concluded = p.concluded && !anew
			findings, err := p.Probe(b.Context())
			if err != nil || findings != nil {
				b.Fatal(findings, err)
			}
		}
	}
	command := func(line string) func(*testing.B, *Probe) {
		return func(b *testing.B, _ *Probe) {
			b.Helper()
			defer cpuTime(b, unix.RUSAGE_CHILDREN)()
			for b.Loop() {
				require.NoError(b, shell(b.Context(), line+" >/dev/null"))
			}
		}
	}
	unchanged := func(b *testing.B, p *Probe) { b.Helper(); look(b, p, false) }
	changed := func(b *testing.B, p *Probe) { b.Helper(); look(b, p, true) }
	for _, c := range []struct {
		name  string
		write func(b *testing.B)
		runs  map[string]func(*testing.B, *Probe)
	}{
		{"nftables", func(b *testing.B) { b.Helper(); sh(b, writeNft); sh(b, "nft -f -", manyRules(rules)) }, map[string]func(*testing.B, *Probe){
			"unchanged": unchanged, "changed": changed, "nft list ruleset": command("nft list ruleset"),
		}},
		{"iptables", func(b *testing.B) {
			b.Helper()
			sh(b, writeIptables)
			sh(b, "iptables-nft-restore --noflush", manyEndpoints(rules))
		}, map[string]func(*testing.B, *Probe){
			"unchanged": unchanged, "changed": changed, "nft list ruleset": command("nft list ruleset"), "iptables -L": command("iptables-nft -t nat -L -n"),
		}},
		{"legacy", func(b *testing.B) {
			b.Helper()
			sh(b, writeLegacy)
			sh(b, "iptables-legacy-restore --noflush", manyEndpoints(rules))
		}, map[string]func(*testing.B, *Probe){
			"unchanged": unchanged, "changed": changed, "iptables -L": command("iptables-legacy -t nat -L -n"),
		}},
		{"nobody", func(*testing.B) {}, map[string]func(*testing.B, *Probe){"unchanged": unowned}},
	} {
		b.Run(c.name, func(b *testing.B) {
			enter(b)
			c.write(b)
			file, err := os.Open("/proc/thread-self/ns/net")
			require.NoError(b, err)
			defer file.Close() //nolint:errcheck // was not read
			for _, name := range slices.Sorted(maps.Keys(c.runs)) {
				b.Run(name, func(b *testing.B) {
					runtime.LockOSThread()
					require.NoError(b, unix.Setns(int(file.Fd()), unix.CLONE_NEWNET))
					c.runs[name](b, newProbe(b))
				})
			}
		})
	}
}

// unowned is the look on a node where nobody's rules are expected.
func unowned(b *testing.B, p *Probe) {
	b.Helper()
	b.ReportAllocs()
	defer cpuTime(b, unix.RUSAGE_THREAD)()
	for b.Loop() {
		_, _ = p.Probe(b.Context())
	}
}

// cpuTime reports what was really used: on a busy machine the wall clock tells of others.
func cpuTime(b *testing.B, whose int) func() {
	b.Helper()
	used := func() time.Duration {
		var usage unix.Rusage
		require.NoError(b, unix.Getrusage(whose, &usage))
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	began := used()
	return func() { b.ReportMetric(float64((used()-began).Microseconds())/float64(b.N), "cpu-us/op") }
}

// manyEndpoints are kube-proxy's chains in iptables mode, five rules for each endpoint and its service.
func manyEndpoints(rules int) string {
	var script strings.Builder
	script.WriteString("*nat\n")
	for i := range rules / 5 {
		fmt.Fprintf(&script, ":KUBE-SVC-%016d - [0:0]\n:KUBE-SEP-%016d - [0:0]\n", i, i)
	}
	for i := range rules / 5 {
		service, endpoint := fmt.Sprintf("KUBE-SVC-%016d", i), fmt.Sprintf("KUBE-SEP-%016d", i)
		ip := fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)
		fmt.Fprintf(&script, "-A KUBE-SERVICES -d %s/32 -p tcp -m tcp --dport 80 -j %s\n", ip, service)
		fmt.Fprintf(&script, "-A %s ! -s 10.1.0.0/16 -d %s/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ\n", service, ip)
		fmt.Fprintf(&script, "-A %s -j %s\n", service, endpoint)
		fmt.Fprintf(&script, "-A %s -s %s/32 -j KUBE-MARK-MASQ\n-A %s -p tcp -m tcp -j DNAT --to-destination %s:80\n", endpoint, ip, endpoint, ip)
	}
	return script.String() + "COMMIT\n"
}
