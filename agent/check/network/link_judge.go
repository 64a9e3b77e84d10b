package network

import (
	"fmt"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// A seenLink is one link of one look.
type seenLink struct {
	name  string
	role  string // what it does, for messages
	gone  bool
	link  host.Link
	flaps uint32 // changes of its carrier within the window
}

// judgeLinks says what is wrong with each link.
func judgeLinks(seen []seenLink, limits config.NetworkFlapping) (findings []check.Finding) {
	for _, s := range seen {
		if why := whyDown(s); why != "" {
			findings = append(findings, check.Finding{
				Reason: v1alpha1.ReasonLinkDown, Message: fmt.Sprintf("%s %s; it %s", s.name, why, s.role),
			})
		}
	}
	for _, s := range seen {
		if int64(s.flaps) >= int64(limits.Changes) {
			findings = append(findings, check.Finding{
				Reason:  v1alpha1.ReasonLinkFlapping,
				Message: fmt.Sprintf("the carrier of %s changed %d times within %s; it %s", s.name, s.flaps, limits.Window.Duration, s.role),
			})
		}
	}
	return findings
}

// whyDown is empty for a link that can carry packets. Drivers that do not say leave the state unknown.
func whyDown(s seenLink) string {
	switch l := s.link; {
	case s.gone:
		return "is gone"
	case !l.Enabled:
		return "is set down"
	case !l.Carrier:
		return "has no carrier (" + l.State + ")"
	case l.State != "up" && l.State != "unknown":
		return "is " + l.State
	default:
		return ""
	}
}
