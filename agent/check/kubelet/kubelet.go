// Package kubelet looks at the kubelet: its healthz endpoint, its systemd unit and its main process.
//
//	healthz answered                 we conclude
//	200                              well
//	500 to 599                       KubeletUnhealthy, with the lines of its body that fail
//	anything else                    could not tell: somebody else listens there
//	nothing, refused, no such socket see package daemon
package kubelet

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// New makes the probe.
func New(o config.KubeletSubject, doors host.Doors) *daemon.Probe {
	return daemon.New(daemon.Subject{
		Name: "the kubelet",
		Unit: o.Unit, UnitEvery: daemon.Seldom,
		Process: o.Process,
		Address: strings.TrimPrefix(o.HealthzURL, "http://"),
		Reasons: daemon.Reasons{
			NotRunning:   v1alpha1.ReasonKubeletNotRunning,
			NotAnswering: v1alpha1.ReasonKubeletNotAnswering,
			Zombie:       v1alpha1.ReasonKubeletZombie,
		},
		Ask: func(outer, asked context.Context) daemon.Answer {
			reply, err := doors.HTTP.Get(outer, asked, o.HealthzURL)
			if err != nil {
				return daemon.Unanswered(err)
			}
			return judge(reply)
		},
	}, doors.Systemd, doors.Processes)
}

func judge(r host.Reply) daemon.Answer {
	switch {
	case r.Status == http.StatusOK:
		return daemon.Answer{Kind: daemon.Good}
	case r.Status >= 500 && r.Status <= 599:
		return daemon.Answer{Kind: daemon.Bad, Finding: check.Finding{
			Reason:  v1alpha1.ReasonKubeletUnhealthy,
			Message: fmt.Sprintf("healthz answers %d: %s", r.Status, failing(r.Body)),
		}}
	default:
		return daemon.Answer{Kind: daemon.CannotAsk, Err: fmt.Errorf("healthz answers %d; is that the kubelet?", r.Status)}
	}
}

// failing keeps the lines of healthz that start with [-], or all of a body that has none.
func failing(body string) string {
	var lines []string
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "[-]") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) == 0 {
		return strings.TrimSpace(body)
	}
	return strings.Join(lines, ", ")
}
