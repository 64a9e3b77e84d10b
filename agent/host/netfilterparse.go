package host

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"

	"golang.org/x/sys/unix"
)

// nfHead is what every message of nftables begins with: family, version, resource.
const nfHead = 4

// attributeHead of a netlink attribute: its length with this head, and its type, two bytes each in the machine's order.
const attributeHead = 4

// attributes walks netlink attributes, each padded to four bytes. It ends where they make no sense.
func attributes(data []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(data) >= attributeHead {
			length := int(binary.NativeEndian.Uint16(data))
			if length < attributeHead || length > len(data) {
				return
			}
			kind := binary.NativeEndian.Uint16(data[2:]) &^ uint16(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER)
			if !yield(kind, data[attributeHead:length]) {
				return
			}
			data = data[min(aligned(length), len(data)):]
		}
	}
}

// attribute is the first of that type, nil when there is none.
func attribute(data []byte, wanted uint16) []byte {
	for kind, value := range attributes(data) {
		if kind == wanted {
			return value
		}
	}
	return nil
}

func behindHead(data []byte) []byte { return data[min(nfHead, len(data)):] }

func parseGeneration(data []byte) Generation {
	data = behindHead(data)
	return Generation{
		ID:     number(attribute(data, unix.NFTA_GEN_ID)),
		Writer: cString(attribute(data, unix.NFTA_GEN_PROC_NAME)),
	}
}

// parseRule reads where a rule leads. Expressions it does not know, and there are many, do not matter here.
func parseRule(data []byte) Rule {
	rule := Rule{Raw: data}
	for _, one := range attributes(attribute(behindHead(data), unix.NFTA_RULE_EXPRESSIONS)) {
		inside := attribute(one, unix.NFTA_EXPR_DATA)
		switch cString(attribute(one, unix.NFTA_EXPR_NAME)) {
		case "immediate":
			if to := destination(inside); to != "" {
				rule.To = to
			}
		case "nat":
			rule.DNAT = rule.DNAT || number(attribute(inside, unix.NFTA_NAT_TYPE)) == unix.NFT_NAT_DNAT
		case "target": // of iptables, in nftables' clothes
			rule.DNAT = rule.DNAT || cString(attribute(inside, unix.NFTA_TARGET_NAME)) == "DNAT"
		}
	}
	return rule
}

// destination is the chain of a verdict that jumps or goes somewhere.
func destination(immediate []byte) string {
	verdict := attribute(attribute(immediate, unix.NFTA_IMMEDIATE_DATA), unix.NFTA_DATA_VERDICT)
	switch int32(number(attribute(verdict, unix.NFTA_VERDICT_CODE))) {
	case unix.NFT_JUMP, unix.NFT_GOTO:
		return cString(attribute(verdict, unix.NFTA_VERDICT_CHAIN))
	default:
		return ""
	}
}

// parseElements is the list of elements in a message, nil when it is empty.
func parseElements(data []byte) []byte {
	return attribute(behindHead(data), unix.NFTA_SET_ELEM_LIST_ELEMENTS)
}

// number reads nftables' numbers, which are big-endian whatever the machine is. 0 when there is none.
func number(value []byte) uint32 {
	if len(value) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(value)
}

func cString(value []byte) string {
	if end := slices.Index(value, 0); end >= 0 {
		value = value[:end]
	}
	return string(bytes.ToValidUTF8(value, []byte("?")))
}
