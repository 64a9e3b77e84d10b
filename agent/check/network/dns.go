package network

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// DNSDoor is host.Resolver.
type DNSDoor interface {
	Servers() ([]string, error)
	Ask(outer, asked context.Context, server, domain string) (host.Answer, error)
}

// A DNS is the probe of the check dns.
type DNS struct {
	door   DNSDoor
	config config.NetworkDNS
	worked bool // one of the servers did, since this agent started
}

// NewDNS makes the probe.
func NewDNS(s config.NetworkSubject, door DNSDoor) *DNS { return &DNS{door: door, config: s.DNS} }

// A server is what one name server said.
type server struct {
	address string
	answer  host.Answer
	err     error
}

// Probe asks all servers at once.
func (p *DNS) Probe(ctx context.Context) ([]check.Finding, error) {
	addresses := p.config.Servers
	if len(addresses) == 0 {
		var err error
		if addresses, err = p.door.Servers(); err != nil {
			return nil, err
		}
	}
	if len(addresses) == 0 {
		return nil, check.ErrNotApplicable
	}
	findings, err := judgeDNS(p.gather(ctx, addresses), p.config.Domain)
	isFault := check.IsFaulty(findings)
	p.worked = p.worked || (err == nil && !isFault)
	if isFault && !p.worked && len(p.config.Servers) == 0 {
		// The kubelet writes 127.0.0.1 for "there is none"; and a node may live without name servers.
		return nil, check.ErrNotApplicable
	}
	return findings, err
}

func (p *DNS) gather(ctx context.Context, addresses []string) []server {
	asked, cancel := check.Within(ctx, 85)
	defer cancel()
	domain := "."
	if p.config.Domain != "" {
		domain = strings.TrimSuffix(p.config.Domain, ".") + "." // no search list
	}
	all := make([]server, len(addresses))
	var group sync.WaitGroup
	for i, address := range addresses {
		group.Go(func() {
			answer, err := p.door.Ask(ctx, asked, address, domain)
			all[i] = server{address, answer, err}
		})
	}
	group.Wait()
	return all
}

// judgeDNS: one server that works is enough. A domain that was configured must be answered; of the root, anything.
func judgeDNS(all []server, domain string) ([]check.Finding, error) {
	var silent []string
	var err error
	for _, s := range all {
		switch {
		case s.err != nil:
			err = fmt.Errorf("asking the name server %s: %w", s.address, s.err)
		case !s.answer.Heard || (domain != "" && s.answer.Error != ""):
			silent = append(silent, fmt.Sprintf("%s: %s", s.address, s.answer.Error))
		}
	}
	finding := check.Finding{Reason: v1alpha1.ReasonDNSFailing}
	switch {
	case len(silent) == len(all):
		finding.Message = "no name server answers: " + strings.Join(silent, ", ")
		return []check.Finding{finding}, nil
	case err != nil && !anyWorks(all, len(silent)):
		return nil, err
	case len(silent) > 0:
		finding.Note, finding.Message = true, "not every name server answers: "+strings.Join(silent, ", ")
		return []check.Finding{finding}, nil
	default:
		return nil, nil
	}
}

func anyWorks(all []server, silent int) bool {
	doubtful := 0
	for _, s := range all {
		if s.err != nil {
			doubtful++
		}
	}
	return silent+doubtful < len(all)
}
