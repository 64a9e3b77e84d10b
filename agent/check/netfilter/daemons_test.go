//go:build daemons

package netfilter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// How each owner's rules come into the kernel. What kube-proxy wrote was captured from the real one.
const (
	writeNft         = "nft -f testdata/kube-proxy.nft"
	writeIptables    = "iptables-nft-restore --noflush testdata/kube-proxy.iptables; ip6tables-nft-restore --noflush testdata/kube-proxy.ip6tables"
	writeLegacy      = "iptables-legacy-restore --noflush testdata/kube-proxy.iptables; ip6tables-legacy-restore --noflush testdata/kube-proxy.ip6tables"
	writeCalico      = "iptables-nft-restore --noflush testdata/calico.iptables"
	writeOldCalico   = "iptables-legacy-restore --noflush testdata/calico.iptables"
	writeCalicoNft   = "nft -f testdata/calico.nft"
	noKubernetesNft  = "nft 'flush chain ip kube-proxy service-2QRHZV4L-default/kubernetes/tcp/https'"
	endpointsOfNft   = "nft list chains ip | grep -o 'service-[^ ]*' | while read c; do nft flush chain ip kube-proxy $c; done; nft list chains ip6 | grep -o 'service-[^ ]*' | while read c; do nft flush chain ip6 kube-proxy $c; done"
	endpointsOfChain = "for f in ip ip6; do ${f}tables-BACKEND-save -t nat | grep -o '^:KUBE-SEP-[^ ]*' | tr -d : | while read c; do ${f}tables-BACKEND -t nat -F $c; done; done"
)

// TestFaults is the matrix: what was written, what was done to it, and what is found.
func TestFaults(t *testing.T) {
	with := func(backend string) string { return replaced(endpointsOfChain, "BACKEND", backend) }
	for name, c := range map[string]struct {
		write, fault string
		reason       v1alpha1.Reason
		says         string
	}{
		"nftables, all flushed":                      {writeNft, "nft flush ruleset", v1alpha1.ReasonNetfilterEmpty, "IPv4 are gone"},
		"nftables, one family's table deleted":       {writeNft, "nft delete table ip kube-proxy", v1alpha1.ReasonNetfilterEmpty, "IPv4 are gone"},
		"nftables, the other's":                      {writeNft, "nft delete table ip6 kube-proxy", v1alpha1.ReasonNetfilterEmpty, "IPv6 are gone"},
		"nftables, the rules flushed":                {writeNft, "nft flush table ip kube-proxy", v1alpha1.ReasonNetfilterEmpty, "IPv4 are gone"},
		"nftables, the table asleep":                 {writeNft, "nft 'add table ip kube-proxy { flags dormant; }'", v1alpha1.ReasonNetfilterEmpty, "IPv4 are gone"},
		"nftables, a base chain deleted":             {writeNft, "nft 'flush chain ip kube-proxy nat-prerouting; delete chain ip kube-proxy nat-prerouting'", v1alpha1.ReasonNetfilterAnchorMissing, "nat-prerouting does not lead to services"},
		"nftables, services flushed":                 {writeNft, "nft flush chain ip kube-proxy services", v1alpha1.ReasonNetfilterAnchorMissing, "services has no rules"},
		"nftables, services flushed in IPv6":         {writeNft, "nft flush chain ip6 kube-proxy services", v1alpha1.ReasonNetfilterAnchorMissing, "IPv6"},
		"nftables, kubernetes leads nowhere":         {writeNft, noKubernetesNft, v1alpha1.ReasonNetfilterNoDestinations, "no endpoint of default/kubernetes"},
		"nftables, the map of services flushed":      {writeNft, "nft flush map ip kube-proxy service-ips", v1alpha1.ReasonNetfilterNoDestinations, "IPv4"},
		"nftables, no destinations":                  {writeNft, endpointsOfNft, v1alpha1.ReasonNetfilterNoDestinations, "IPv4"},
		"nftables, kubernetes without endpoints":     {writeNft, "nft flush ruleset; nft -f testdata/kube-proxy-refusing.nft; nft -f - <<X\nadd table ip6 kube-proxy\nX", "", ""},
		"iptables, all flushed":                      {writeIptables, "nft flush ruleset", v1alpha1.ReasonNetfilterEmpty, "IPv4 (nf_tables) are gone"},
		"iptables, the rules flushed":                {writeIptables, "iptables-nft -F; iptables-nft -t nat -F", v1alpha1.ReasonNetfilterEmpty, "IPv4 (nf_tables) are gone"},
		"iptables, only nat flushed":                 {writeIptables, "iptables-nft -t nat -F", v1alpha1.ReasonNetfilterAnchorMissing, "nat PREROUTING does not lead to KUBE-SERVICES"},
		"iptables, only filter flushed":              {writeIptables, "iptables-nft -F", v1alpha1.ReasonNetfilterAnchorMissing, "filter FORWARD does not lead to KUBE-FORWARD"},
		"iptables, an anchor chain deleted":          {writeIptables, "iptables-nft -t nat -F KUBE-POSTROUTING; iptables-nft -t nat -D POSTROUTING -m comment --comment 'kubernetes postrouting rules' -j KUBE-POSTROUTING; iptables-nft -t nat -X KUBE-POSTROUTING", v1alpha1.ReasonNetfilterAnchorMissing, "nat POSTROUTING does not lead to KUBE-POSTROUTING, nat KUBE-POSTROUTING has no rules"},
		"iptables, an anchor deleted in IPv6":        {writeIptables, "ip6tables-nft -t nat -F OUTPUT", v1alpha1.ReasonNetfilterAnchorMissing, "IPv6"},
		"iptables, services flushed":                 {writeIptables, "iptables-nft -t nat -F KUBE-SERVICES", v1alpha1.ReasonNetfilterAnchorMissing, "nat KUBE-SERVICES has no rules"},
		"iptables, kubernetes leads nowhere":         {writeIptables, "iptables-nft -t nat -F KUBE-SVC-NPX46M4PTMTKRN6Y", v1alpha1.ReasonNetfilterNoDestinations, "no endpoint of default/kubernetes"},
		"iptables, its endpoint flushed":             {writeIptables, "iptables-nft -t nat -F KUBE-SEP-ZIMN66YWSS3KERKE", v1alpha1.ReasonNetfilterNoDestinations, "no endpoint of default/kubernetes"},
		"iptables, no destinations":                  {writeIptables, with("nft"), v1alpha1.ReasonNetfilterNoDestinations, "IPv4"},
		"iptables, kubernetes without endpoints":     {writeIptables, "nft flush ruleset; iptables-nft-restore testdata/kube-proxy-refusing.iptables; ip6tables-nft-restore testdata/kube-proxy.ip6tables", "", ""},
		"legacy, the rules flushed":                  {writeLegacy, "iptables-legacy -F; iptables-legacy -t nat -F", v1alpha1.ReasonNetfilterEmpty, "IPv4 (legacy) are gone"},
		"legacy, and the chains deleted":             {writeLegacy, "for t in nat filter; do iptables-legacy -t $t -F; iptables-legacy -t $t -X; done", v1alpha1.ReasonNetfilterEmpty, "IPv4 (legacy) are gone"},
		"legacy, only nat flushed":                   {writeLegacy, "iptables-legacy -t nat -F", v1alpha1.ReasonNetfilterAnchorMissing, "nat PREROUTING does not lead to KUBE-SERVICES"},
		"legacy, an anchor deleted in IPv6":          {writeLegacy, "ip6tables-legacy -t nat -F OUTPUT", v1alpha1.ReasonNetfilterAnchorMissing, "IPv6 (legacy)"},
		"legacy, no destinations":                    {writeLegacy, with("legacy"), v1alpha1.ReasonNetfilterNoDestinations, "IPv4"},
		"legacy, kubernetes leads nowhere":           {writeLegacy, "iptables-legacy -t nat -F KUBE-SVC-NPX46M4PTMTKRN6Y", v1alpha1.ReasonNetfilterNoDestinations, "no endpoint of default/kubernetes"},
		"legacy, kubernetes without endpoints":       {writeLegacy, "iptables-legacy-restore testdata/kube-proxy-refusing.iptables", "", ""},
		"both backends, the new one flushed":         {writeLegacy + ";" + writeCalico, "nft flush ruleset", v1alpha1.ReasonNetfilterEmpty, "calico's iptables rules for IPv4 (nf_tables) are gone"},
		"both backends, the old one flushed":         {writeOldCalico + ";" + writeIptables, "iptables-legacy -F; iptables-legacy -t nat -F", v1alpha1.ReasonNetfilterEmpty, "calico's iptables rules for IPv4 (legacy) are gone"},
		"calico, a jump deleted":                     {writeCalico, "iptables-nft -D FORWARD 1", v1alpha1.ReasonNetfilterAnchorMissing, "filter FORWARD does not lead to cali-FORWARD"},
		"calico, a chain flushed":                    {writeCalico, "iptables-nft -F cali-FORWARD", v1alpha1.ReasonNetfilterAnchorMissing, "filter cali-FORWARD has no rules"},
		"calico, flushed, kube-proxy whole":          {writeNft + ";" + writeCalico, "iptables-nft -F; iptables-nft -t nat -F", v1alpha1.ReasonNetfilterEmpty, "calico's"},
		"calico in nftables, a base chain gone":      {writeCalicoNft, "nft 'flush chain ip calico filter-FORWARD; delete chain ip calico filter-FORWARD'", v1alpha1.ReasonNetfilterAnchorMissing, "filter-FORWARD does not lead to filter-cali-*"},
		"calico in nftables, its table deleted":      {writeCalicoNft, "nft delete table ip calico", v1alpha1.ReasonNetfilterEmpty, "calico's nftables rules for IPv4 are gone"},
		"somebody else's rules change":               {writeNft, "nft add table inet foreign; iptables-nft -t nat -N OTHER", "", ""},
		"a mode that replaced another":               {writeIptables, writeNft + "; iptables-nft -F; iptables-nft -t nat -F; iptables-nft -X; iptables-nft -t nat -X; ip6tables-nft -F; ip6tables-nft -t nat -F; ip6tables-nft -X; ip6tables-nft -t nat -X", "", ""},
		"another service's endpoints go":             {writeNft, "nft 'flush chain ip kube-proxy service-SUSTUHLJ-default/web/tcp/http'", "", ""},
		"iptables, another service's endpoints go":   {writeIptables, "iptables-nft -t nat -F KUBE-SVC-CDGGSHYLG3RE2FKL", "", ""},
		"legacy, another service's endpoints go":     {writeLegacy, "iptables-legacy -t nat -F KUBE-SVC-CDGGSHYLG3RE2FKL", "", ""},
		"written anew in one transaction":            {writeNft, "(echo 'flush ruleset'; cat testdata/kube-proxy.nft) | nft -f -", "", ""},
		"a legacy table that only exists is no rule": {writeNft, "iptables-legacy -L -n; iptables-legacy -t nat -L -n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			enter(t)
			p := newProbe(t)
			_, err := look(t, p)
			require.ErrorIs(t, err, check.ErrNotApplicable, "before anybody wrote")
			sh(t, c.write)
			p.lookedAt = time.Time{} // or legacy rules would be found only after lookAnew
			requireWell(t, p)
			sh(t, c.fault)
			p.took = 0 // nor would changed ones be read at once on a busy machine
			findings, err := look(t, p)
			require.NoError(t, err)
			if c.reason == "" {
				require.Empty(t, findings)
				return
			}
			require.NotEmpty(t, findings)
			require.Equal(t, c.reason, findings[0].Reason, findings[0].Message)
			require.Contains(t, findings[0].Message, c.says)
			require.False(t, findings[0].Restarting)
			again, err := look(t, p)
			require.NoError(t, err)
			require.Equal(t, findings, again, "and says so until it is mended")
			sh(t, "nft flush ruleset; for f in iptables ip6tables; do for t in nat filter; do $f-legacy -t $t -F; $f-legacy -t $t -X; done; done")
			sh(t, c.write)
			requireWell(t, p)
		})
	}
}
