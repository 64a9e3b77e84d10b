package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Netfilter reads the rules of the kernel's packet filter: those of nftables over netlink, those of legacy iptables with
// the calls that iptables itself makes. It never writes, and what it reads does not grow with the ruleset: there is no
// way here to list all rules, which took 13 to 19 s with 50 000 of them.
//
// It sees the network namespace of the thread that opens its socket: in a pod, the host's with hostNetwork. All of it
// takes the capability NET_ADMIN.
type Netfilter struct {
	paths  Paths
	socket nfsocket
	writer atomic.Pointer[Generation] // as last told by Watch
}

// NewNetfilter prepares the door.
func NewNetfilter(paths Paths) *Netfilter { return &Netfilter{paths: paths} }

// ErrNoNftables says that this kernel has no nftables. Checks branch on it: legacy iptables may be in use.
var ErrNoNftables = errors.New("this kernel has no nftables")

// A Generation is one state of the nftables ruleset: its ID moves with every transaction, whoever makes it.
type Generation struct {
	ID     uint32
	Writer string // the process that wrote it; empty when Watch was not told
}

// A RuleTable is a table of nftables.
type RuleTable struct {
	Family  Family
	Name    string
	Dormant bool // its chains see no packets
}

// A Rule is what a rule does, as far as checks ask.
type Rule struct {
	To   string // the chain it leads to by jump or goto; empty: none
	DNAT bool   // it rewrites destinations
	Raw  []byte // as the kernel told it; valid while it is visited
}

// Generation asks for the current one: 20 us, whatever the size of the ruleset.
func (n *Netfilter) Generation(ctx context.Context) (Generation, error) {
	var now Generation
	err := n.socket.ask(ctx, nfRequest(unix.NFT_MSG_GETGEN, unix.NFPROTO_UNSPEC, 0), func(data []byte) bool {
		now = parseGeneration(data)
		return true
	})
	if err != nil {
		return Generation{}, nfError("asking for the generation of the ruleset", err)
	}
	// The kernel's answer names the process that asks, us. Only its notification names the one that wrote.
	now.Writer = ""
	if last := n.writer.Load(); last != nil && last.ID == now.ID {
		now.Writer = last.Writer
	}
	return now, nil
}

// Tables lists the tables of nftables that are for IPv4 or IPv6 alone, as those of iptables and kube-proxy are.
func (n *Netfilter) Tables(ctx context.Context) ([]RuleTable, error) {
	conn, err := library(ctx)
	if err != nil {
		return nil, err
	}
	listed, err := conn.ListTables()
	if err != nil {
		return nil, nfError("listing tables", err)
	}
	tables := make([]RuleTable, 0, len(listed))
	for _, table := range listed {
		// The numbers of nftables' families are those of addresses.
		if family := Family(table.Family); family == IPv4 || family == IPv6 {
			// The package reads the flags in the machine's order and the kernel writes them big-endian.
			flags := number(binary.NativeEndian.AppendUint32(nil, table.Flags))
			tables = append(tables, RuleTable{Family: family, Name: table.Name, Dormant: flags&unix.NFT_TABLE_F_DORMANT != 0})
		}
	}
	return tables, nil
}

// Chains lists the chains of a table: 1 ms per 1 000 chains of its family.
func (n *Netfilter) Chains(ctx context.Context, t RuleTable) ([]string, error) {
	conn, err := library(ctx)
	if err != nil {
		return nil, err
	}
	listed, err := conn.ListChainsOfTableFamily(nftables.TableFamily(t.Family))
	if err != nil {
		return nil, nfError("listing chains", err)
	}
	var names []string
	for _, chain := range listed {
		if chain.Table != nil && chain.Table.Name == t.Name {
			names = append(names, chain.Name)
		}
	}
	return names, nil
}

// HasChain says whether there is such a chain, with rules or without.
func (n *Netfilter) HasChain(ctx context.Context, t RuleTable, chain string) (bool, error) {
	request := nfRequest(unix.NFT_MSG_GETCHAIN, uint8(t.Family), 0,
		netlink.Attribute{Type: unix.NFTA_CHAIN_TABLE, Data: text(t.Name)},
		netlink.Attribute{Type: unix.NFTA_CHAIN_NAME, Data: text(chain)})
	err := n.socket.ask(ctx, request, func([]byte) bool { return true })
	switch {
	case errors.Is(err, unix.ENOENT):
		return false, nil
	case err != nil:
		return false, nfError("looking for the chain "+t.Name+" "+chain, err)
	default:
		return true, nil
	}
}

// Rules visits the rules of one chain in their order, until visit says that it has seen enough. A chain that does not
// exist has none.
func (n *Netfilter) Rules(ctx context.Context, t RuleTable, chain string, visit func(Rule) (enough bool)) error {
	request := nfRequest(unix.NFT_MSG_GETRULE, uint8(t.Family), netlink.Dump,
		netlink.Attribute{Type: unix.NFTA_RULE_TABLE, Data: text(t.Name)},
		netlink.Attribute{Type: unix.NFTA_RULE_CHAIN, Data: text(chain)})
	err := n.socket.ask(ctx, request, func(data []byte) bool { return visit(parseRule(data)) })
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return nfError("reading the rules of "+t.Name+" "+chain, err)
	}
	return nil
}

// Elements visits the elements of a set or map as the kernel tells them, many at a time, until visit says that it has
// seen enough. A set that does not exist has none.
func (n *Netfilter) Elements(ctx context.Context, t RuleTable, set string, visit func(raw []byte) (enough bool)) error {
	request := nfRequest(unix.NFT_MSG_GETSETELEM, uint8(t.Family), netlink.Dump,
		netlink.Attribute{Type: unix.NFTA_SET_ELEM_LIST_TABLE, Data: text(t.Name)},
		netlink.Attribute{Type: unix.NFTA_SET_ELEM_LIST_SET, Data: text(set)})
	err := n.socket.ask(ctx, request, func(data []byte) bool {
		elements := parseElements(data)
		return len(elements) > 0 && visit(elements)
	})
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return nfError("reading the elements of "+t.Name+" "+set, err)
	}
	return nil
}

// Close lets go of the socket.
func (n *Netfilter) Close() { n.socket.close() }

// library is a connection of package nftables for one call, which ends with ctx.
func library(ctx context.Context) (*nftables.Conn, error) {
	return nftables.New(nftables.WithSockOptions(func(conn *netlink.Conn) error {
		return conn.SetDeadline(deadlineOf(ctx))
	}))
}

func deadlineOf(ctx context.Context) time.Time {
	if ctx.Err() != nil {
		return time.Now()
	}
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return time.Now().Add(time.Second) // the kernel answers in microseconds, or never
	}
	return deadline
}

// nfError tells apart what a reader can do something about.
func nfError(doing string, err error) error {
	switch {
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s: %w: %w", doing, ErrNoNftables, err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s: %w; it takes the capability NET_ADMIN", doing, err)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}
