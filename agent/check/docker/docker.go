// Package docker looks at dockerd: its unit, its process, and a ping on its socket.
//
//	/_ping answered      we conclude
//	200                  well
//	500 to 599           DockerNotAnswering: it answers and cannot serve
//	anything else        could not tell
//
// Its socket may belong to docker.socket, and a ping would then start dockerd: it is pinged only while its unit is
// active, or when it has none. Installed, not enabled and never run means not applicable.
package docker

import (
	"context"
	"fmt"
	"net/http"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// New makes the probe.
func New(o config.DockerSubject, doors host.Doors) *daemon.Probe {
	return daemon.New(daemon.Subject{
		Name: "dockerd",
		Unit: o.Unit, UnitEvery: daemon.Seldom,
		Process: o.Process,
		Address: o.Socket,
		Reasons: daemon.Reasons{
			NotRunning:   v1alpha1.ReasonDockerNotRunning,
			NotAnswering: v1alpha1.ReasonDockerNotAnswering,
			Zombie:       v1alpha1.ReasonDockerZombie,
		},
		Ask: func(outer, asked context.Context) daemon.Answer {
			reply, err := doors.HTTP.GetUnix(outer, asked, o.Socket, "/_ping")
			if err != nil {
				return daemon.Unanswered(err)
			}
			return judge(reply)
		},
		WatchSocket:   daemon.WatchFile(doors.Paths, o.Socket),
		AskOnlyActive: true,
		Optional:      true,
	}, doors.Systemd, doors.Processes)
}

func judge(r host.Reply) daemon.Answer {
	switch {
	case r.Status == http.StatusOK:
		return daemon.Answer{Kind: daemon.Good}
	case r.Status >= 500 && r.Status <= 599:
		return daemon.Answer{Kind: daemon.Bad, Finding: check.Finding{
			Reason:  v1alpha1.ReasonDockerNotAnswering,
			Message: fmt.Sprintf("a ping is answered with %d", r.Status),
		}}
	default:
		return daemon.Answer{Kind: daemon.CannotAsk, Err: fmt.Errorf("a ping is answered with %d; is that dockerd?", r.Status)}
	}
}
