// Package process looks for a process that the configuration names: one of the host's, and no zombie; see package
// daemon. Its absence is a fault from the first look on, because a person asked for it.
package process

import (
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// New makes the probe of a process, by the kernel's name of it or the base name of its first argument.
func New(name string, doors host.Doors) *daemon.Probe {
	return daemon.New(daemon.Subject{
		Name:    name,
		Process: name,
		Reasons: daemon.Reasons{
			NotRunning:   v1alpha1.ReasonProcessMissing,
			NotAnswering: v1alpha1.ReasonProcessMissing, // not reached: there is nobody to ask
			Zombie:       v1alpha1.ReasonProcessZombie,
		},
		Required: true,
	}, doors.Systemd, doors.Processes)
}
