package calico

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// newBird makes bird, or bird6. Its process is known by the socket that it was told to open.
func newBird(o config.CalicoSubject, doors host.Doors, name string) *member {
	socket := path.Join(o.RunDir, name+".ctl")
	trail := newTrail(doors, host.Pattern{Names: []string{"bird", "bird6"}, Args: []string{socket, "/var" + socket}})
	b := &birdDoor{name: name, bird: doors.Bird, socket: socket, startUp: o.StartUp.Duration, trail: trail}
	return &member{trail: trail, daemon: daemon.New(daemon.Subject{
		Name: name, Process: name, Address: socket,
		Reasons: daemon.Reasons{
			NotRunning:   v1alpha1.ReasonCalicoBirdNotRunning,
			NotAnswering: v1alpha1.ReasonCalicoBirdNotAnswering,
			Zombie:       v1alpha1.ReasonCalicoBirdZombie,
		},
		Ask:         b.ask,
		WatchSocket: daemon.WatchFile(doors.Paths, socket),
	}, doors.Systemd, trail)}
}

type birdDoor struct {
	name    string
	bird    *host.Bird
	socket  string
	startUp time.Duration
	trail   *trail
	since   time.Time // since when it has answered, with no look in between that it did not
}

func (b *birdDoor) ask(outer, asked context.Context) daemon.Answer {
	status, err := b.bird.Status(outer, asked, b.socket)
	if err != nil {
		b.since = time.Time{}
		return daemon.Unanswered(err)
	}
	if b.since.IsZero() {
		b.since = time.Now()
	}
	up := time.Since(b.since)
	if b.trail.now.PID != 0 {
		up = b.trail.now.Age()
	}
	return judgePeers(b.name, status, up < b.startUp)
}

func judgePeers(name string, status host.BirdStatus, isStarting bool) daemon.Answer {
	var wanting []string
	for _, p := range status.Protocols {
		switch {
		case !isPeer(p):
		case strings.HasPrefix(p.Info, "Established"):
			return daemon.Answer{Kind: daemon.Good}
		default:
			wanting = append(wanting, p.Name)
		}
	}
	if len(wanting) == 0 || isStarting || status.IsRecovering {
		return daemon.Answer{Kind: daemon.Good}
	}
	return daemon.Answer{Kind: daemon.Bad, Finding: check.Finding{
		Reason:  v1alpha1.ReasonCalicoNoPeerEstablished,
		Message: fmt.Sprintf("%s has no session with any of its %d BGP peers, among them %s", name, len(wanting), wanting[0]),
	}}
}

// isPeer says that it is a BGP peer that Calico configured and that is not switched off.
func isPeer(p host.BirdProtocol) bool {
	isCalicos := strings.HasPrefix(p.Name, "Mesh_") || strings.HasPrefix(p.Name, "Node_") || strings.HasPrefix(p.Name, "Global_")
	return p.Kind == "BGP" && isCalicos && (p.State != "down" || p.Info != "")
}
