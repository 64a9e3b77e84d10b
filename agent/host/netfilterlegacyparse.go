package host

import (
	"encoding/binary"
	"errors"
	"iter"
)

// LegacyRules are the rules of a table of legacy iptables at one moment, as the kernel lays them out: entries one behind
// the other, each with matches and one target. A chain of the user's begins with an entry whose target is ERROR and
// carries its name; a built-in one begins where its hook points. Each ends with an entry that is no rule: a return, or
// the policy.
type LegacyRules struct {
	memory  []byte
	entries []byte
	table   LegacyTable
	layout  legacyLayout
}

// The layout of struct ipt_entry and ip6t_entry on machines of 64 bits.
type legacyLayout struct {
	entry  int // size of the fixed part
	target int // where the offset of the target is; the offset of the next entry follows
}

func legacyLayoutOf(family Family) legacyLayout {
	if family == IPv6 {
		return legacyLayout{entry: 168, target: 140}
	}
	return legacyLayout{entry: 112, target: 88}
}

// The layout of a target: two bytes of size, its name, a revision; then its data.
const (
	targetName = 2
	targetData = 32
	errorData  = 32 // the name in an ERROR target, padded
)

var errLegacy = errors.New("the rules of legacy iptables are not laid out as expected")

// Built-in chains by number of their hook.
var hookNames = [5]string{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}

// A legacyEntry is one entry.
type legacyEntry struct {
	at     int
	raw    []byte
	target []byte
}

// isNamed compares the name of the target, which ends with a zero. It allocates nothing: a walk does it 50 000 times.
func (e legacyEntry) isNamed(name string) bool { return isCString(e.target[targetName:], name) }

// begins says that the entry begins a chain of the user's.
func (e legacyEntry) begins() bool {
	return len(e.target) >= targetData+errorData && e.isNamed("ERROR")
}

// chain is its name.
func (e legacyEntry) chain() []byte { return e.target[targetData:] }

func isCString(raw []byte, text string) bool {
	return len(raw) > len(text) && raw[len(text)] == 0 && string(raw[:len(text)]) == text
}

// Chains visits the names of all chains.
func (l *LegacyRules) Chains(visit func(name string)) error {
	for hook, name := range hookNames {
		if l.table.hooks()&(1<<hook) != 0 {
			visit(name)
		}
	}
	for entry, err := range l.from(0) {
		if err != nil {
			return err
		}
		// The table's last entry looks like the beginning of a chain ERROR.
		if entry.begins() && entry.at+len(entry.raw) < len(l.entries) {
			visit(cString(entry.chain()))
		}
	}
	return nil
}

// HasChain says whether there is such a chain.
func (l *LegacyRules) HasChain(chain string) (bool, error) {
	start, _, err := l.find(chain)
	return start >= 0, err
}

// Rules visits the rules of one chain in their order, until visit says that it has seen enough. A chain that does not
// exist has none.
func (l *LegacyRules) Rules(chain string, visit func(Rule) (enough bool)) error {
	start, end, err := l.find(chain)
	if err != nil || start < 0 {
		return err
	}
	var held Rule // an entry of a chain of the user's is a rule when another of the chain follows
	isHeld := false
	for entry, err := range l.from(start) {
		if err != nil {
			return err
		}
		if entry.begins() {
			return nil
		}
		if isHeld && visit(held) {
			return nil
		}
		if entry.at == end {
			return nil
		}
		held, isHeld = l.rule(entry), true
	}
	return errLegacy // neither its policy nor another chain: the table itself ends like one
}

// rule reads what an entry does. A jump is the place of the entry it leads to, behind the one that names the chain.
func (l *LegacyRules) rule(entry legacyEntry) Rule {
	rule := Rule{Raw: entry.raw}
	switch {
	case entry.isNamed("DNAT"):
		rule.DNAT = true
	case entry.isNamed("") && len(entry.target) >= targetData+4:
		to := int(int32(native32(entry.target[targetData:])))
		beginning := l.layout.entry + targetData + errorData
		if to < beginning || to == entry.at+len(entry.raw) {
			break
		}
		if head, err := l.entry(to - beginning); err == nil && head.begins() {
			rule.To = cString(head.chain())
		}
	}
	return rule
}

// from walks the entries from one on.
func (l *LegacyRules) from(at int) iter.Seq2[legacyEntry, error] {
	return func(yield func(legacyEntry, error) bool) {
		for at < len(l.entries) {
			entry, err := l.entry(at)
			if !yield(entry, err) || err != nil {
				return
			}
			at += len(entry.raw)
		}
	}
}

func (l *LegacyRules) entry(at int) (legacyEntry, error) {
	if at < 0 || at > len(l.entries)-l.layout.entry {
		return legacyEntry{}, errLegacy
	}
	raw := l.entries[at:]
	target := int(binary.NativeEndian.Uint16(raw[l.layout.target:]))
	next := int(binary.NativeEndian.Uint16(raw[l.layout.target+2:]))
	if target < l.layout.entry || next < target+targetData || next > len(raw) {
		return legacyEntry{}, errLegacy
	}
	return legacyEntry{at: at, raw: raw[:next], target: raw[target:next]}, nil
}

func native32(raw []byte) uint32           { return binary.NativeEndian.Uint32(raw) }
func putNative32(raw []byte, value uint32) { binary.NativeEndian.PutUint32(raw, value) }

// find gives the first entry of a chain and, of a built-in one, where its policy is. start is -1 when there is none.
func (l *LegacyRules) find(chain string) (start, end int, err error) {
	for hook, name := range hookNames {
		if name == chain && l.table.hooks()&(1<<hook) != 0 {
			return int(l.table.shape[1+hook]), int(l.table.shape[6+hook]), nil
		}
	}
	for entry, err := range l.from(0) {
		if err != nil {
			return -1, -1, err
		}
		if entry.begins() && isCString(entry.chain(), chain) {
			return entry.at + len(entry.raw), -1, nil
		}
	}
	return -1, -1, nil
}
