package host

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// ErrNoSocket says that this machine has no such socket: the connection leads to another one.
var ErrNoSocket = errors.New("the other end is not on this machine")

// socketOwner is the user whose socket has these two ends, from our network namespace's own tables. With ten thousand
// connections that is a megabyte to read: for rare questions only.
func socketOwner(local, remote netip.AddrPort) (uint32, error) {
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		// A socket for both families has IPv4 addresses mapped into IPv6.
		owner, err := searchSockets(table, socketName(local, table), socketName(remote, table))
		if !errors.Is(err, ErrNoSocket) && !errors.Is(err, os.ErrNotExist) {
			return owner, err
		}
	}
	return 0, ErrNoSocket
}

func searchSockets(table, local, remote string) (uint32, error) {
	file, err := os.Open(table)
	if err != nil {
		return 0, err
	}
	defer file.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		owner, found, err := readSocket(lines.Text(), local, remote)
		if found || err != nil {
			return owner, err
		}
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, ErrNoSocket
}

// readSocket reads a line like "0: 0100007F:280A 0100007F:CAFE 01 00000000:00000000 00:00000000 00000000 0 0 12345 ...".
func readSocket(line, local, remote string) (owner uint32, found bool, err error) {
	const localField, remoteField, ownerField = 1, 2, 7
	fields := strings.Fields(line)
	if len(fields) <= ownerField || fields[localField] != local || fields[remoteField] != remote {
		return 0, false, nil
	}
	user, err := strconv.ParseUint(fields[ownerField], 10, 32)
	if err != nil {
		return 0, false, fmt.Errorf("parsing a socket's owner: %w", err)
	}
	return uint32(user), true, nil
}

// socketName spells an address as the table does: in words of 32 bits, in the machine's byte order.
func socketName(a netip.AddrPort, table string) string {
	var raw []byte
	switch address := a.Addr().Unmap(); {
	case strings.HasSuffix(table, "6"):
		wide := address.As16()
		raw = wide[:]
	case address.Is4():
		narrow := address.As4()
		raw = narrow[:]
	}
	var name strings.Builder
	for ; len(raw) >= 4; raw = raw[4:] {
		fmt.Fprintf(&name, "%08X", binary.NativeEndian.Uint32(raw))
	}
	fmt.Fprintf(&name, ":%04X", a.Port())
	return name.String()
}
