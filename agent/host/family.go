package host

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// A Family is a version of the internet protocol, as the kernel numbers it.
type Family uint8

// Families that services and pods use.
const (
	IPv4 Family = unix.AF_INET
	IPv6 Family = unix.AF_INET6
)

func (f Family) String() string {
	if f == IPv6 {
		return "IPv6"
	}
	return "IPv4"
}

// FamilyOf an address.
func FamilyOf(address netip.Addr) Family {
	if address.Unmap().Is4() {
		return IPv4
	}
	return IPv6
}
