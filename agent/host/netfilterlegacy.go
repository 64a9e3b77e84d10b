package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The questions of iptables and ip6tables, which have the same numbers.
const (
	legacyGetInfo    = 64
	legacyGetEntries = 65
)

// The answers: struct ipt_getinfo, and the head of struct ipt_get_entries.
const (
	legacyName     = 32
	legacyInfoSize = legacyName + 4*(1+5+5+2)
	legacyHead     = legacyName + 8
)

// A LegacyTable is a table of legacy iptables and its shape. Two equal ones hold, most probably, the same rules: a
// change that keeps the number of rules, their size and where each chain begins is found by reading them.
type LegacyTable struct {
	Family Family
	Name   string
	shape  [1 + 5 + 5 + 2]uint32 // valid hooks, where they begin, where their policies are, entries, bytes
}

func (t LegacyTable) hooks() uint32 { return t.shape[0] }
func (t LegacyTable) size() uint32  { return t.shape[12] }

// LegacyTables lists those of the tables that exist. It asks only about what the kernel names: asking about another would
// make it.
func (n *Netfilter) LegacyTables(ctx context.Context, wanted ...string) ([]LegacyTable, error) {
	var tables []LegacyTable
	for _, family := range []Family{IPv4, IPv6} {
		names, err := n.legacyNames(family)
		if err != nil {
			return nil, err
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(wanted, name) })
		if len(names) == 0 {
			continue
		}
		if tables, err = appendLegacy(ctx, tables, family, names); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

// legacyNames reads a file of this thread's network namespace, as the socket would see it.
func (n *Netfilter) legacyNames(family Family) ([]string, error) {
	file := "ip_tables_names"
	if family == IPv6 {
		file = "ip6_tables_names"
	}
	raw, err := os.ReadFile(n.paths.At("/proc/thread-self/net/" + file))
	switch {
	case errors.Is(err, os.ErrNotExist): // the kernel has no legacy iptables
		return nil, nil
	case err != nil:
		return nil, nfError("listing tables of legacy iptables", err)
	default:
		return strings.Fields(string(raw)), nil
	}
}

func appendLegacy(ctx context.Context, tables []LegacyTable, family Family, names []string) ([]LegacyTable, error) {
	socket, err := openLegacy(family)
	if err != nil {
		return nil, err
	}
	defer unix.Close(socket) //nolint:errcheck // nothing was written
	for _, name := range names {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		table, err := legacyInfo(socket, family, name)
		if err != nil {
			return nil, err
		}
		tables = append(tables, table)
	}
	return tables, nil
}

// openLegacy opens a socket of the family, of whatever kind: the question is about the namespace. A datagram socket, as
// iptables' raw one would take the capability NET_RAW.
func openLegacy(family Family) (int, error) {
	domain := unix.AF_INET
	if family == IPv6 {
		domain = unix.AF_INET6
	}
	socket, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nfError("opening a socket to legacy iptables", err)
	}
	return socket, nil
}

func legacyInfo(socket int, family Family, name string) (LegacyTable, error) {
	table := LegacyTable{Family: family, Name: name}
	var answer [legacyInfoSize]byte
	copy(answer[:legacyName-1], name)
	if err := askLegacy(socket, family, legacyGetInfo, answer[:]); err != nil {
		return table, nfError("asking about the legacy table "+name, err)
	}
	for i := range table.shape {
		table.shape[i] = native32(answer[legacyName+4*i:])
	}
	return table, nil
}

// Legacy reads the rules of one table, all at one moment. The caller closes them.
func (n *Netfilter) Legacy(ctx context.Context, family Family, name string) (*LegacyRules, error) {
	socket, err := openLegacy(family)
	if err != nil {
		return nil, err
	}
	defer unix.Close(socket) //nolint:errcheck // nothing was written
	for ctx.Err() == nil {
		table, err := legacyInfo(socket, family, name)
		if err != nil {
			return nil, err
		}
		rules, err := readLegacy(socket, table)
		if !errors.Is(err, unix.EAGAIN) { // it was replaced between the two questions
			return rules, err
		}
	}
	return nil, ctx.Err()
}

// readLegacy reads into memory of its own, given back by Close: a table of a large cluster has 10 MB, and as garbage
// those would stay with the agent for minutes.
func readLegacy(socket int, table LegacyTable) (*LegacyRules, error) {
	memory, err := unix.Mmap(-1, 0, legacyHead+int(table.size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("making room for %d bytes of the legacy table %s: %w", table.size(), table.Name, err)
	}
	copy(memory[:legacyName-1], table.Name)
	putNative32(memory[legacyName:], table.size())
	if err := askLegacy(socket, table.Family, legacyGetEntries, memory); err != nil {
		_ = unix.Munmap(memory)
		return nil, nfError("reading the legacy table "+table.Name, err)
	}
	return &LegacyRules{memory: memory, table: table, entries: memory[legacyHead:], layout: legacyLayoutOf(table.Family)}, nil
}

// Close gives the memory back.
func (l *LegacyRules) Close() {
	if l.memory != nil {
		_ = unix.Munmap(l.memory)
	}
	l.memory, l.entries = nil, nil
}

// askLegacy is getsockopt with an answer of any length, which package unix lacks.
func askLegacy(socket int, family Family, question uintptr, answer []byte) error {
	level := uintptr(unix.SOL_IP)
	if family == IPv6 {
		level = unix.SOL_IPV6
	}
	length := uint32(len(answer))
	_, _, failed := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(socket), level, question,
		uintptr(unsafe.Pointer(&answer[0])), uintptr(unsafe.Pointer(&length)), 0)
	if failed != 0 {
		return failed
	}
	return nil
}
