package host

import (
	"encoding/binary"
	"testing"

	"github.com/mdlayher/netlink"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// attr is one attribute, padded.
func attr(kind uint16, value ...byte) []byte {
	return nfRequest(0, 0, 0, netlink.Attribute{Type: kind, Data: value}).Data[nfHead:]
}

func nested(kind uint16, inside ...[]byte) []byte {
	var value []byte
	for _, one := range inside {
		value = append(value, one...)
	}
	return attr(kind|unix.NLA_F_NESTED, value...)
}

func big(value uint32) []byte { return binary.BigEndian.AppendUint32(nil, value) }

// expression as a rule holds it.
func expression(name string, data ...[]byte) []byte {
	return nested(unix.NFTA_LIST_ELEM, attr(unix.NFTA_EXPR_NAME, text(name)...), nested(unix.NFTA_EXPR_DATA, data...))
}

func verdict(code int32, chain string) []byte {
	inside := [][]byte{attr(unix.NFTA_VERDICT_CODE, big(uint32(code))...)}
	if chain != "" {
		inside = append(inside, attr(unix.NFTA_VERDICT_CHAIN, text(chain)...))
	}
	return expression("immediate", nested(unix.NFTA_IMMEDIATE_DATA, nested(unix.NFTA_DATA_VERDICT, inside...)))
}

func ruleMessage(expressions ...[]byte) []byte {
	return append([]byte{unix.NFPROTO_IPV4, 0, 0, 0}, nested(unix.NFTA_RULE_EXPRESSIONS, expressions...)...)
}

func TestParseRule(t *testing.T) {
	for name, c := range map[string]struct {
		message []byte
		rule    Rule
	}{
		"a jump":                    {ruleMessage(expression("counter"), verdict(unix.NFT_JUMP, "services")), Rule{To: "services"}},
		"a goto":                    {ruleMessage(verdict(unix.NFT_GOTO, "services")), Rule{To: "services"}},
		"an accept":                 {ruleMessage(verdict(1, "")), Rule{}},
		"a destination":             {ruleMessage(expression("nat", attr(unix.NFTA_NAT_TYPE, big(unix.NFT_NAT_DNAT)...))), Rule{DNAT: true}},
		"a source is none":          {ruleMessage(expression("nat", attr(unix.NFTA_NAT_TYPE, big(unix.NFT_NAT_SNAT)...))), Rule{}},
		"iptables' destination":     {ruleMessage(expression("target", attr(unix.NFTA_TARGET_NAME, text("DNAT")...))), Rule{DNAT: true}},
		"another target":            {ruleMessage(expression("target", attr(unix.NFTA_TARGET_NAME, text("MARK")...))), Rule{}},
		"no expressions":            {ruleMessage(), Rule{}},
		"expressions we don't know": {ruleMessage(expression("ct"), expression("of the future", attr(9, 1, 2, 3))), Rule{}},
		"nothing":                   {nil, Rule{}},
		"a head alone":              {[]byte{2, 0}, Rule{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := parseRule(c.message)
			got.Raw = nil
			require.Equal(t, c.rule, got)
		})
	}
}

func TestParseGeneration(t *testing.T) {
	data := append([]byte{0, 0, 0, 0}, attr(unix.NFTA_GEN_ID, big(42)...)...)
	data = append(data, attr(unix.NFTA_GEN_PROC_NAME, text("nft")...)...)
	require.Equal(t, Generation{ID: 42, Writer: "nft"}, parseGeneration(data))
	require.Equal(t, Generation{}, parseGeneration(nil))
}

// message with a header, as the kernel sends it.
func message(kind, flags uint16, sequence uint32, data ...byte) []byte {
	raw := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(data)))
	raw = binary.NativeEndian.AppendUint16(raw, kind)
	raw = binary.NativeEndian.AppendUint16(raw, flags)
	raw = binary.NativeEndian.AppendUint32(raw, sequence)
	raw = append(binary.NativeEndian.AppendUint32(raw, 0), data...)
	return append(raw, make([]byte, aligned(len(raw))-len(raw))...)
}

func TestEachAnswer(t *testing.T) {
	const many = unix.NLM_F_MULTI
	denied := binary.NativeEndian.AppendUint32(nil, uint32(0xffffffff)) // -EPERM
	for name, c := range map[string]struct {
		part    [][]byte
		enough  int // after so many visits
		visits  int
		ended   bool
		isError error
	}{
		"one answer":                 {part: [][]byte{message(10, 0, 7, 1)}, visits: 1, ended: true},
		"a part of a long one":       {part: [][]byte{message(10, many, 7, 1), message(10, many, 7, 2)}, visits: 2},
		"its end":                    {part: [][]byte{message(10, many, 7, 1), message(unix.NLMSG_DONE, many, 7)}, visits: 1, ended: true},
		"enough, and read to an end": {part: [][]byte{message(10, many, 7, 1), message(10, many, 7, 2), message(unix.NLMSG_DONE, many, 7)}, enough: 1, visits: 1, ended: true},
		"others' are left out":       {part: [][]byte{message(10, many, 6, 1), message(unix.NLMSG_DONE, many, 6), message(10, 0, 7, 1)}, visits: 1, ended: true},
		"an error":                   {part: [][]byte{message(unix.NLMSG_ERROR, 0, 7, denied...)}, ended: true, isError: unix.EPERM},
		"an acknowledgement":         {part: [][]byte{message(unix.NLMSG_ERROR, 0, 7, 0, 0, 0, 0)}, ended: true},
		"cut off":                    {part: [][]byte{message(10, 0, 7, 1)[:12]}},
		"nothing":                    {},
	} {
		t.Run(name, func(t *testing.T) {
			var part []byte
			for _, one := range c.part {
				part = append(part, one...)
			}
			visits := 0
			ended, enough, err := eachAnswer(part, 7, func([]byte) bool {
				visits++
				return visits == c.enough
			})
			require.ErrorIs(t, err, c.isError)
			require.Equal(t, c.ended, ended)
			require.Equal(t, c.visits, visits)
			require.Equal(t, c.enough > 0, enough)
		})
	}
	_, _, err := eachAnswer([]byte("\xff\xff\xff\x7f0123456789ab"), 7, nil)
	require.Error(t, err, "longer than what was read")
}

func TestNfError_SaysWhatIsLacking(t *testing.T) {
	require.ErrorContains(t, nfError("asking", unix.EPERM), "NET_ADMIN")
	require.ErrorIs(t, nfError("asking", unix.EPROTONOSUPPORT), ErrNoNftables)
	require.NotErrorIs(t, nfError("asking", unix.EBADF), ErrNoNftables)
}

func FuzzParseRule(f *testing.F) {
	f.Add(ruleMessage(expression("counter"), verdict(unix.NFT_JUMP, "services")))
	f.Add(ruleMessage(expression("nat", attr(unix.NFTA_NAT_TYPE, big(unix.NFT_NAT_DNAT)...))))
	f.Add([]byte{2, 0, 0, 0, 3, 0, 4, 0})
	f.Fuzz(func(_ *testing.T, raw []byte) {
		parseRule(raw)
		parseGeneration(raw)
		parseElements(raw)
	})
}

func FuzzEachAnswer(f *testing.F) {
	f.Add(message(10, unix.NLM_F_MULTI, 7, 1, 2, 3))
	f.Add(append(message(10, 0, 7, 1), message(unix.NLMSG_ERROR, 0, 7, 1)...))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		_, _, _ = eachAnswer(raw, 7, func([]byte) bool { return false })
	})
}
