// Package unit looks at a systemd unit that the configuration names. The unit alone decides, with its main process if it
// has one; see package daemon. On a node that has no such unit the check does not apply.
package unit

import (
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// New makes the probe of a unit, by its full name.
func New(name string, doors host.Doors) *daemon.Probe {
	return daemon.New(daemon.Subject{
		Name: name,
		Unit: name,
		Reasons: daemon.Reasons{
			NotRunning:   v1alpha1.ReasonUnitNotActive,
			NotAnswering: v1alpha1.ReasonUnitNotActive, // not reached: there is nobody to ask
			Zombie:       v1alpha1.ReasonProcessZombie,
		},
	}, doors.Systemd, doors.Processes)
}
