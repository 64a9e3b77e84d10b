package ovs

import (
	"context"
	"errors"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// umbrellas pull in the units of both daemons, on Debian and elsewhere.
var umbrellas = []string{"openvswitch-switch.service", "openvswitch.service"}

// unitDoor says of a unit that others pull in whether those are enabled: the daemons' own units are always static.
type unitDoor struct {
	*host.Systemd
}

// Unit is what systemd says of a unit now.
func (d unitDoor) Unit(ctx context.Context, name string) (host.Unit, error) {
	u, err := d.Systemd.Unit(ctx, name)
	if err != nil || u.ActiveState != "inactive" || u.UnitFileState != "static" {
		return u, err
	}
	for _, umbrella := range umbrellas {
		over, err := d.Systemd.Unit(ctx, umbrella)
		if err != nil {
			return host.Unit{}, err
		}
		if over.Exists() && over.IsEnabled() {
			return u, nil
		}
	}
	u.UnitFileState = "disabled"
	return u, nil
}

// processDoor finds a daemon by its PID file.
type processDoor struct {
	*host.Processes
	ovs    *host.OVS
	runDir string
	search *host.Search
	inner  int          // the PID in the file, when last was found
	last   host.Process // found so
}

func newProcessDoor(runDir string, doors host.Doors) *processDoor {
	return &processDoor{Processes: doors.Processes, ovs: doors.OVS, runDir: runDir, search: doors.Processes.Search()}
}

// Find gives the process whose PID is in the daemon's PID file. Without a file it is the one found before, if it lives:
// a daemon that ends as it should takes the file with it.
func (d *processDoor) Find(ctx context.Context, name string) (host.Process, error) {
	inner, err := d.ovs.PID(d.runDir, name)
	if err != nil && !errors.Is(err, host.ErrAbsent) {
		return host.Process{}, err
	}
	if err != nil || inner == d.inner {
		p, err := d.Now(d.last)
		switch {
		case err == nil:
			return p, nil
		case inner == 0:
			return host.Process{}, host.ErrNoProcess
		}
	}
	p, err := d.Stat(inner)
	if err != nil || p.Name != name { // not the host's number: it runs in a container, or not at all
		p, err = d.search.Find(ctx, host.Pattern{Names: []string{name}, Inner: inner})
	}
	if err == nil {
		d.inner, d.last = inner, p
	}
	return p, err
}
