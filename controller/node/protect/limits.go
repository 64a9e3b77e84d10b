package protect

import (
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// HardCeilingPercent is the share of nodes that are never isolated at once, whatever the configuration or a person says.
const HardCeilingPercent = 50

// Limits are the numbers of the brakes. They come from the default policy; see the types of api/v1alpha1 for the
// reason of each default.
type Limits struct {
	Window         time.Duration
	MaxIsolated    v1alpha1.Percent
	MaxUnavailable v1alpha1.Percent
	Pace           time.Duration
	PaceNodeDown   time.Duration
	Storm          v1alpha1.Percent
	StormZone      v1alpha1.Percent
}

// LimitsOf reads the limits from a policy whose defaults are filled in.
func LimitsOf(p v1alpha1.NodeIsolationPolicySpec) Limits {
	return Limits{
		Window:         p.Budget.Window.Duration,
		MaxIsolated:    p.Budget.MaxIsolatedPercent,
		MaxUnavailable: p.Budget.MaxUnavailablePercent,
		Pace:           p.Budget.Pace.Duration,
		PaceNodeDown:   p.Budget.PaceNodeDown.Duration,
		Storm:          p.Thresholds.StormPercent,
		StormZone:      p.Thresholds.StormZonePercent,
	}
}
