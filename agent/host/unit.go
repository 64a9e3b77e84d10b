package host

import (
	"slices"
	"time"
)

// A Unit is what systemd said of one unit.
type Unit struct {
	Name          string
	LoadState     string // loaded, not-found, masked, bad-setting, error
	ActiveState   string // active, reloading, inactive, failed, activating, deactivating
	SubState      string
	UnitFileState string // enabled, disabled, static, ...; read only of units that are inactive
	Job           string // the type of the queued job: start, stop, restart, ...; empty if there is none
	Result        string // of the last run: success, exit-code, signal, ...
	MainPID       int    // 0 if there is no main process
	Restarts      uint32 // by systemd itself, since somebody last started it by hand
	RestartAfter  time.Duration
	InvocationID  string        // changes with every start, by whomever
	ActiveFor     time.Duration // since it became active, on the kernel's monotonic clock; negative if it is not or unknown
}

// Exists says that systemd knows the unit. One whose file was removed while it runs still exists.
func (u Unit) Exists() bool {
	return u.LoadState != "not-found" || !slices.Contains([]string{"inactive", ""}, u.ActiveState)
}

// IsActive says that systemd believes it to run, or to be reloading its configuration.
func (u Unit) IsActive() bool {
	return slices.Contains([]string{"active", "reloading", "refreshing"}, u.ActiveState)
}

// IsComingBack says that systemd is starting it, waits to start it again, or has a start or restart of it queued. So may
// one that is stopping though nobody asked: its main process ended, and systemd says whether it starts it again when the
// rest of it has ended too.
func (u Unit) IsComingBack() bool {
	fell := u.ActiveState == "deactivating" && u.Job == ""
	return fell || u.ActiveState == "activating" || slices.Contains([]string{"start", "restart"}, u.Job)
}

// IsEnabled says that somebody wants it to run: it is enabled in some way, or other units pull it in.
func (u Unit) IsEnabled() bool {
	return !slices.Contains([]string{"disabled", "masked", "masked-runtime"}, u.UnitFileState)
}
