package fault

import (
	"context"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/cluster/cgroup"
)

var nodeVerbs = []Verb{
	{Name: "freeze-node", Undo: "thaw-node", Short: "stop every process of the node; its kernel still answers pings", Do: freezer(cgroup.Freeze)},
	{Name: "thaw-node", Short: "let a frozen node go on", Do: freezer(cgroup.Thaw)},
	{Name: "power-off", Undo: "power-on", Short: "end the node as a power cut does", Switches: true, Do: powerOff},
	{Name: "power-on", Short: "boot the node again: new boot ID, empty memory, same disks", Switches: true, Do: powerOn},
}

func freezer(set func([]cgroup.Hierarchy, string) (time.Time, error)) func(context.Context, Target) (time.Time, error) {
	return func(_ context.Context, t Target) (time.Time, error) {
		if _, err := t.init(); err != nil {
			return time.Time{}, err
		}
		mounted, err := cgroup.Mounted()
		if err != nil {
			return time.Time{}, err
		}
		return set(mounted, t.Node.Name)
	}
}

func powerOff(_ context.Context, t Target) (time.Time, error) {
	spec, err := t.spec()
	if err != nil {
		return time.Time{}, err
	}
	return spec.PowerOff()
}

func powerOn(ctx context.Context, t Target) (time.Time, error) {
	spec, err := t.spec()
	if err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	return at, spec.PowerOn(ctx)
}
