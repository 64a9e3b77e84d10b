package network

import (
	"fmt"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// leastPeers must have been asked for their silence to be ours: with one or two it is as likely theirs.
const leastPeers = 3

// judgePeers blames us only for what two thirds of the known peers, three or more of them, have in common. What an agent
// answers does not matter: one that says 503 was reached.
func judgePeers(all []peer, slowAfter time.Duration) ([]check.Finding, error) {
	var lost, slow []string
	asked := 0
	var err error
	for _, p := range all {
		switch {
		case !p.known:
			continue
		case !p.isAnswer() && !p.isLost() && p.connected == 0:
			err = fmt.Errorf("asking the peer %s: %w", p.address, p.err) // could not tell of this one
			continue
		case p.isLost():
			lost = append(lost, p.address.String())
		case p.connected >= slowAfter:
			slow = append(slow, fmt.Sprintf("%s in %s", p.address, p.connected.Round(100*time.Millisecond)))
		}
		asked++
	}
	isMost := func(n int) bool { return asked >= leastPeers && 3*n >= 2*asked }
	switch {
	case isMost(len(lost)):
		return []check.Finding{{Reason: v1alpha1.ReasonPeersUnreachable, Message: fmt.Sprintf(
			"%d of %d other nodes cannot be reached: %s", len(lost), asked, strings.Join(lost, ", "))}}, nil
	case len(slow) > 0 && isMost(len(slow)+len(lost)):
		return []check.Finding{{Reason: v1alpha1.ReasonLinkSlow, Slow: true, Message: fmt.Sprintf(
			"connections to %d of %d other nodes open slowly or not at all: %s", len(slow)+len(lost), asked, strings.Join(append(slow, lost...), ", "))}}, nil
	case asked >= leastPeers:
		return nil, nil
	case err != nil:
		return nil, err
	default:
		return []check.Finding{{Reason: v1alpha1.ReasonPeersUnreachable, Note: true, Message: fmt.Sprintf(
			"%d of %d other nodes ever answered; fewer than %d say nothing of this one", asked, len(all), leastPeers)}}, nil
	}
}
