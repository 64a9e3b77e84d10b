package config

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/bulkhead-dev/bulkhead/internal/logging"
)

// requireBetween allows a duration from least to most, both included.
func (p *Problems) requireBetween(path string, d Duration, least, most time.Duration) {
	p.Require(d.Duration >= least && d.Duration <= most, path, "%s is outside %s to %s", d.Duration, least, most)
}

func (p *Problems) requirePort(path string, port int) {
	p.Require(port >= 1 && port <= 65535, path, "%d is not a port; use 1 to 65535", port)
}

// requireHostPort allows an empty host, which means every address of the machine.
func (p *Problems) requireHostPort(path, address string) {
	_, port, err := net.SplitHostPort(address)
	number, notNumber := strconv.Atoi(port)
	p.Require(err == nil && notNumber == nil && number >= 0 && number <= 65535, path,
		"%q is not an address; write host:port, like 10.0.0.1:6443 or [fd00::1]:6443", address)
}

// requireServers allows addresses that can be dialed, so the host may not be empty.
func (p *Problems) requireServers(path string, addresses []string) {
	for i, address := range addresses {
		p.Require(!strings.HasPrefix(address, ":"), indexed(path, i), "%q names no host; write host:port", address)
		p.requireHostPort(indexed(path, i), address)
	}
}

func (p *Problems) requireSubdomain(path, name string) {
	if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
		p.Add(path, "%q is not a Kubernetes name: %s", name, strings.Join(wrong, "; "))
	}
}

func (p *Problems) requireLog(path string, c logging.Config) {
	if _, err := logging.Handler(io.Discard, c); err != nil {
		p.Add(path, "%s", err)
	}
}

func indexed(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
