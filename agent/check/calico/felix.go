package calico

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

// Calico's programs are one binary, or two, and say by an argument which they are.
var (
	felixPattern = host.Pattern{Names: []string{"calico-node", "calico-felix", "calico"}, Args: []string{"felix", "calico-felix", "/usr/bin/calico-felix"}}
	confdPattern = host.Pattern{Names: []string{"calico-node", "confd", "calico"}, Args: []string{"confd"}}
)

func newFelix(o config.CalicoSubject, doors host.Doors) *member {
	f := &felixDoor{http: doors.HTTP, url: o.LivenessURL}
	trail := newTrail(doors, felixPattern)
	return &member{trail: trail, daemon: daemon.New(daemon.Subject{
		Name: "felix", Unit: o.FelixUnit, Process: "felix", Address: strings.TrimPrefix(o.LivenessURL, "http://"),
		Reasons: daemon.Reasons{
			NotRunning:   v1alpha1.ReasonCalicoFelixNotRunning,
			NotAnswering: v1alpha1.ReasonCalicoFelixNotAnswering,
			Zombie:       v1alpha1.ReasonCalicoFelixZombie,
		},
		Ask:      f.ask,
		Optional: true,
	}, doors.Systemd, trail)}
}

type felixDoor struct {
	http     *host.HTTP
	url      string
	answered bool // once
}

func (f *felixDoor) ask(outer, asked context.Context) daemon.Answer {
	reply, err := f.http.Get(outer, asked, f.url)
	if err != nil {
		answer := daemon.Unanswered(err)
		if answer.Kind == daemon.Refused && !f.answered {
			return daemon.Answer{}
		}
		return answer
	}
	answer := judgeLiveness(reply)
	f.answered = f.answered || answer.Kind != daemon.CannotAsk
	return answer
}

func judgeLiveness(r host.Reply) daemon.Answer {
	switch {
	case r.Status >= 200 && r.Status <= 399:
		return daemon.Answer{Kind: daemon.Good}
	case r.Status >= http.StatusInternalServerError && r.Status <= 599:
		return daemon.Answer{Kind: daemon.Bad, Finding: check.Finding{
			Reason:  v1alpha1.ReasonCalicoFelixUnhealthy,
			Message: strings.TrimSpace(fmt.Sprintf("felix's liveness answers %d: %s", r.Status, r.Body)),
		}}
	default:
		return daemon.Answer{Kind: daemon.CannotAsk, Err: fmt.Errorf("felix's liveness answers %d; is that felix?", r.Status)}
	}
}

func newConfd(doors host.Doors) *member {
	trail := newTrail(doors, confdPattern)
	return &member{trail: trail, daemon: daemon.New(daemon.Subject{
		Name: "confd", Process: "confd",
		Reasons: daemon.Reasons{
			NotRunning:   v1alpha1.ReasonCalicoConfdNotRunning,
			NotAnswering: v1alpha1.ReasonCalicoConfdNotRunning, // not reached: there is nobody to ask
			Zombie:       v1alpha1.ReasonCalicoConfdZombie,
		},
	}, doors.Systemd, trail)}
}
