package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// Resolver finds the name servers of the host and asks them.
type Resolver struct{ paths Paths }

// NewResolver prepares the door.
func NewResolver(paths Paths) *Resolver { return &Resolver{paths: paths} }

// maxNameservers is how many of them the C library asks.
const maxNameservers = 3

// Servers are the name servers of the host, host:port, at most three as in the C library; none if its file is absent.
// Where the host's /etc is not mounted it is our own: that of a pod with dnsPolicy Default is the kubelet's copy.
func (r *Resolver) Servers() ([]string, error) {
	raw, err := readThrough(r.paths, "/etc/resolv.conf")
	if errors.Is(err, os.ErrNotExist) && r.paths.root() != "/" && !r.hasEtc() {
		raw, err = os.ReadFile("/etc/resolv.conf")
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading resolv.conf: %w", err)
	}
	return parseResolvConf(string(raw)), nil
}

func (r *Resolver) hasEtc() bool {
	_, err := os.Stat(r.paths.At("/etc"))
	return err == nil
}

// readThrough reads a file of the host. An absolute symlink of the host's leads to another file of the host's.
func readThrough(paths Paths, file string) ([]byte, error) {
	for range 4 {
		target, err := os.Readlink(paths.At(file))
		if err != nil {
			return os.ReadFile(paths.At(file))
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(file), target)
		}
		file = target
	}
	return nil, fmt.Errorf("%s: too many symlinks", file)
}

func parseResolvConf(text string) (servers []string) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" || len(servers) == maxNameservers {
			continue
		}
		if address, err := netip.ParseAddr(fields[1]); err == nil {
			servers = append(servers, net.JoinHostPort(address.String(), "53"))
		}
	}
	return servers
}

// An Answer of a name server.
type Answer struct {
	Heard bool   // something came back, whatever it says
	Error string // what it says if that is not an answer to the question; empty if it is
}

// Ask asks one server for the name servers of a domain, "." for the root's, which every resolver knows. Silence and
// refusal are no errors: the answer says that nothing was heard.
func (r *Resolver) Ask(outer, asked context.Context, server, domain string) (Answer, error) {
	var heard atomic.Bool
	var dialErr error
	resolver := net.Resolver{PreferGo: true, StrictErrors: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, server)
		if err != nil {
			dialErr = reached(outer, err)
			return nil, err
		}
		if udp, ok := conn.(*net.UDPConn); ok {
			return &listened{UDPConn: udp, heard: &heard}, nil
		}
		return conn, nil // the server asked us to come by TCP, so it was heard
	}}
	_, err := resolver.LookupNS(asked, domain)
	var no *net.DNSError
	switch {
	case err == nil:
		return Answer{Heard: true}, nil
	case isOver(outer):
		return Answer{}, errors.Join(outer.Err(), err)
	case heard.Load():
		return Answer{Heard: true, Error: err.Error()}, nil
	case dialErr != nil && !errors.Is(dialErr, ErrNoWay) && !errors.Is(dialErr, ErrRefused) && !errors.Is(dialErr, ErrSilent):
		return Answer{}, dialErr // trouble of ours: no file descriptors, no permission
	case errors.As(err, &no):
		return Answer{Error: no.Err}, nil
	default:
		return Answer{}, err
	}
}

// listened notes that something arrived.
type listened struct {
	*net.UDPConn

	heard *atomic.Bool
}

func (l *listened) Read(into []byte) (int, error) {
	n, err := l.UDPConn.Read(into)
	if n > 0 {
		l.heard.Store(true)
	}
	return n, err
}
