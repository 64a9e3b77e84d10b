package pressure

import (
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// dwell is the kubelet's evictionPressureTransitionPeriod.
const dwell = 5 * time.Minute

// New makes the four checks. kubelet is the name of its process.
func New(o config.PressureSubject, kubelet string, doors host.Doors) []check.Check {
	groups := host.NewControlGroups(doors.Paths)
	thresholds := newSource(host.NewConfigz(o.KubeletURL, o.TokenFile), doors.Processes, kubelet)
	disk := &Disk{source: thresholds, paths: doors.Paths, nodefs: o.Nodefs, imagefs: o.Imagefs}
	if o.Imagefs != Auto {
		disk.imagefs = doors.Paths.At(o.Imagefs)
	}
	memory := &Memory{source: thresholds, paths: doors.Paths, groups: groups, outside: o.NonContainerPercent}
	pids := &PIDs{source: thresholds, paths: doors.Paths, groups: groups, names: o.PIDGroups, own: share(o.PIDPercent)}
	stall := &Stall{paths: doors.Paths, limits: stallLimits{memory: o.MemoryStallPercent, io: o.IOStallPercent, cpu: o.CPUStallPercent}}

	checks := []check.Check{
		check.New("disk", disk).Needing(check.NeedNodefs, check.NeedHostNetwork, check.NeedConfigz),
		check.New("memory", memory).Needing(check.NeedProc, check.NeedCgroup, check.NeedHostNetwork, check.NeedConfigz),
		check.New("pids", pids).Needing(check.NeedProc, check.NeedCgroup, check.NeedHostNetwork, check.NeedConfigz),
		check.New("stall", stall).Needing(check.NeedProc),
	}
	for i := range checks {
		checks[i].Dwell = dwell
	}
	return checks
}
