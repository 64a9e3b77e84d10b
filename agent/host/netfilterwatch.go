package host

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/mdlayher/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Watch calls changed after every transaction on the nftables ruleset, until ctx ends. A transaction may tell of 50 000
// rules; the kernel drops all of that for us and delivers the one message that ends it, so a storm costs one wake-up per
// transaction and cannot fill our socket with rules. Legacy iptables tells nobody of its changes.
func (n *Netfilter) Watch(ctx context.Context, changed func()) error {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nfError("opening a socket to nftables", err)
	}
	defer conn.Close() //nolint:errcheck // nothing was written
	filter, err := onlyGenerations()
	if err != nil {
		return err
	}
	if err := conn.SetBPF(filter); err != nil {
		return nfError("filtering notifications of nftables", err)
	}
	if err := conn.JoinGroup(unix.NFNLGRP_NFTABLES); err != nil {
		return nfError("listening to nftables", err)
	}
	defer endReads(ctx, conn)()
	for {
		messages, err := conn.Receive()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, unix.ENOBUFS): // some were lost, and that is news too
		case err != nil:
			return nfError("listening to nftables", err)
		}
		for _, message := range messages {
			generation := parseGeneration(message.Data)
			n.writer.Store(&generation)
		}
		changed()
	}
}

// onlyGenerations keeps what begins with the message that ends a transaction. The type is at offset 4 in the machine's
// order, which the filter reads byte by byte.
func onlyGenerations() ([]bpf.RawInstruction, error) {
	var kind [2]byte
	binary.NativeEndian.PutUint16(kind[:], unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWGEN)
	return bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 4, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(kind[0]), SkipTrue: 3},
		bpf.LoadAbsolute{Off: 5, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(kind[1]), SkipTrue: 1},
		bpf.RetConstant{Val: 1 << 16},
		bpf.RetConstant{Val: 0},
	})
}
