package host

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// A blob lays out a legacy table for tests.
type blob struct {
	layout legacyLayout
	raw    []byte
	starts map[string]int
}

func newBlob(family Family) *blob {
	return &blob{layout: legacyLayoutOf(family), starts: map[string]int{}}
}

func (b *blob) entry(target string, data []byte) int {
	at := len(b.raw)
	raw := make([]byte, b.layout.entry+targetData+len(data))
	binary.NativeEndian.PutUint16(raw[b.layout.target:], uint16(b.layout.entry))
	binary.NativeEndian.PutUint16(raw[b.layout.target+2:], uint16(len(raw)))
	copy(raw[b.layout.entry+targetName:], target)
	copy(raw[b.layout.entry+targetData:], data)
	b.raw = append(b.raw, raw...)
	return at
}

func (b *blob) verdict(code int32) int {
	return b.entry("", binary.NativeEndian.AppendUint64(nil, uint64(uint32(code))))
}

func (b *blob) chain(name string) {
	data := make([]byte, errorData)
	copy(data, name)
	b.entry("ERROR", data)
	b.starts[name] = len(b.raw)
}

const legacyReturn = -5

// natTable has KUBE-SERVICES -> KUBE-SVC-1 -> KUBE-SEP-1 -> DNAT, and an empty chain; PREROUTING leads to KUBE-SERVICES.
func natTable(family Family) *LegacyRules {
	b := newBlob(family)
	jump := b.verdict(0) // mended below
	prePolicy := b.verdict(-2)
	b.chain("KUBE-SEP-1")
	b.entry("DNAT", make([]byte, 24))
	b.verdict(legacyReturn)
	b.chain("EMPTY")
	b.verdict(legacyReturn)
	b.chain("KUBE-SERVICES")
	b.entry("MARK", make([]byte, 16))
	b.verdict(int32(b.starts["KUBE-SEP-1"]))
	b.verdict(legacyReturn)
	data := make([]byte, errorData)
	copy(data, "ERROR")
	b.entry("ERROR", data)
	binary.NativeEndian.PutUint32(b.raw[jump+b.layout.entry+targetData:], uint32(b.starts["KUBE-SERVICES"]))
	table := LegacyTable{Family: family, Name: "nat"}
	table.shape[0] = 1 // PREROUTING alone
	table.shape[6] = uint32(prePolicy)
	table.shape[12] = uint32(len(b.raw))
	return &LegacyRules{entries: b.raw, table: table, layout: b.layout}
}

func rulesOf(t *testing.T, l *LegacyRules, chain string) []Rule {
	t.Helper()
	var rules []Rule
	require.NoError(t, l.Rules(chain, func(r Rule) bool {
		r.Raw = nil
		rules = append(rules, r)
		return false
	}))
	return rules
}

func TestLegacyRules(t *testing.T) {
	for _, family := range []Family{IPv4, IPv6} {
		t.Run(family.String(), func(t *testing.T) {
			nat := natTable(family)
			require.Equal(t, []Rule{{To: "KUBE-SERVICES"}}, rulesOf(t, nat, "PREROUTING"), "without its policy")
			require.Equal(t, []Rule{{}, {To: "KUBE-SEP-1"}}, rulesOf(t, nat, "KUBE-SERVICES"), "without its return")
			require.Equal(t, []Rule{{DNAT: true}}, rulesOf(t, nat, "KUBE-SEP-1"))
			require.Empty(t, rulesOf(t, nat, "EMPTY"))
			require.Empty(t, rulesOf(t, nat, "KUBE"), "a name is compared to its end")
			require.Empty(t, rulesOf(t, nat, "OUTPUT"), "no such hook in this table")
			var names []string
			require.NoError(t, nat.Chains(func(name string) { names = append(names, name) }))
			require.Equal(t, []string{"PREROUTING", "KUBE-SEP-1", "EMPTY", "KUBE-SERVICES"}, names)
			for chain, there := range map[string]bool{"EMPTY": true, "PREROUTING": true, "KUBE": false} {
				found, err := nat.HasChain(chain)
				require.NoError(t, err)
				require.Equal(t, there, found, chain)
			}
		})
	}
}

func TestLegacyRules_StopsWhenEnoughWasSeen(t *testing.T) {
	visits := 0
	require.NoError(t, natTable(IPv4).Rules("KUBE-SERVICES", func(Rule) bool {
		visits++
		return true
	}))
	require.Equal(t, 1, visits)
}

func TestLegacyRules_DoesNotTrustTheLayout(t *testing.T) {
	nat := natTable(IPv4)
	nat.entries = nat.entries[:len(nat.entries)-1]
	require.ErrorIs(t, nat.Chains(func(string) {}), errLegacy)
	nat.table.shape[1] = 1 << 30
	require.ErrorIs(t, nat.Rules("PREROUTING", func(Rule) bool { return false }), errLegacy)
}

func FuzzLegacyRules(f *testing.F) {
	f.Add(natTable(IPv4).entries, true, uint32(0), uint32(152))
	f.Add(natTable(IPv6).entries, false, uint32(0), uint32(208))
	f.Fuzz(func(_ *testing.T, raw []byte, isIPv4 bool, begin, end uint32) {
		family := IPv6
		if isIPv4 {
			family = IPv4
		}
		l := &LegacyRules{entries: raw, table: LegacyTable{Family: family}, layout: legacyLayoutOf(family)}
		l.table.shape[0], l.table.shape[1], l.table.shape[6] = 1, begin, end
		_ = l.Chains(func(string) {})
		for _, chain := range []string{"PREROUTING", "KUBE-SERVICES"} {
			_ = l.Rules(chain, func(Rule) bool { return false })
		}
	})
}
