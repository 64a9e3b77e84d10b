package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Default fills every empty field of the spec with the default its comment names, as the API server does from the CRD.
// It exists for policies that never met an API server: tests, and the controller before its first read.
func (s *NodeIsolationPolicySpec) Default() {
	setDefault(&s.Profile, ProfileCareful)
	setDefault(&s.Confirm, ConfirmPolled)
	if s.ProtectControlPlane == nil {
		yes := true
		s.ProtectControlPlane = &yes
	}
	for i := range s.Rules {
		setDefault(&s.Rules[i].Match, MatchAny)
	}
	t := &s.Thresholds
	setDefault(&t.MissedBeats, 3)
	setDefault(&t.StormPercent, 20)
	setDefault(&t.StormZonePercent, 50)
	setDefault(&t.CorrelationPercent, 5)
	setDuration(&t.CorrelationWindow, 10*time.Minute)
	setDefault(&t.AlivePercent, 66)
	b := &s.Budget
	setDuration(&b.Window, 30*time.Minute)
	setDefault(&b.MaxIsolatedPercent, 10)
	setDefault(&b.MaxUnavailablePercent, 20)
	setDuration(&b.Pace, 10*time.Second)
	setDuration(&b.PaceNodeDown, time.Second)
	r := &s.Recovery
	setDuration(&r.HealthyFor, time.Minute)
	setDuration(&r.MaxHold, time.Hour)
	setDuration(&r.EvictionDeadline, 30*time.Second)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func setDuration(field **Duration, value time.Duration) {
	if *field == nil {
		*field = &metav1.Duration{Duration: value}
	}
}
