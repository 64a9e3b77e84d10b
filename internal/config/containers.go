package config

import (
	"slices"
	"strings"
	"time"
)

// ContainersSubject says when containers that do not run are the node's fault and not their pods'.
type ContainersSubject struct {
	// Events is where events come from: auto, cri (GetContainerEvents, whatever the runtime) or off (lists alone).
	// Default auto: containerd's own stream, which holds up nobody when the agent is stopped; GetContainerEvents of others.
	Events string `json:"events"`
	// ReconcileEvery is how often containers are listed. Default 10s: events tell what happens in between, and a list of
	// 500 costs milliseconds. Without events it is how late an exit is seen.
	ReconcileEvery Duration `json:"reconcileEvery"`
	// MinPods must show the same before the node is at fault. Default 3: one or two are more likely the pods' own.
	MinPods int `json:"minPods"`
	// LostPercent of the running containers must exit, and more. Default 50: fewer are more likely one application.
	LostPercent int `json:"lostPercent"`
	// LostWithin one another they must exit. Default 10s: what fails at once fails for one cause.
	LostWithin Duration `json:"lostWithin"`
	// LostAfter is how long nothing may be started after that. Default 30s: a kubelet starts a container again within
	// seconds.
	LostAfter Duration `json:"lostAfter"`
	// StableAfter is how long a container must have run for its exit to count. Default 10m: what exits sooner may be
	// crashing in a loop, and the kubelet waits up to 5m on purpose before it starts that again.
	StableAfter Duration `json:"stableAfter"`
	// StuckAfter is how long a container may be neither here nor there. Default 2m: a start takes seconds, and an ordinary
	// termination 30s.
	StuckAfter Duration `json:"stuckAfter"`
}

// DefaultContainers is conservative: a wrong finding is worse than a late one.
func DefaultContainers() ContainersSubject {
	return ContainersSubject{
		Events:         "auto",
		ReconcileEvery: Duration{Duration: 10 * time.Second},
		MinPods:        3,
		LostPercent:    50,
		LostWithin:     Duration{Duration: 10 * time.Second},
		LostAfter:      Duration{Duration: 30 * time.Second},
		StableAfter:    Duration{Duration: 10 * time.Minute},
		StuckAfter:     Duration{Duration: 2 * time.Minute},
	}
}

func (c ContainersSubject) validate(p *Problems, path string) {
	sources := []string{"auto", "cri", "off"}
	p.Require(slices.Contains(sources, c.Events), path+".events", "%q is not a source; use %s", c.Events, strings.Join(sources, ", "))
	p.requireBetween(path+".reconcileEvery", c.ReconcileEvery, time.Second, 5*time.Minute)
	p.Require(c.MinPods >= 2, path+".minPods", "%d is too few to say anything of the node; use 2 or more, the default is 3", c.MinPods)
	p.Require(c.LostPercent >= 10 && c.LostPercent < 100, path+".lostPercent", "%d is outside 10 to 99; the default is 50", c.LostPercent)
	p.requireBetween(path+".lostWithin", c.LostWithin, time.Second, 5*time.Minute)
	p.requireBetween(path+".lostAfter", c.LostAfter, 5*time.Second, time.Hour)
	p.requireBetween(path+".stableAfter", c.StableAfter, time.Minute, 24*time.Hour)
	p.requireBetween(path+".stuckAfter", c.StuckAfter, 10*time.Second, time.Hour)
	p.Require(c.LostAfter.Duration >= 2*c.ReconcileEvery.Duration, path+".lostAfter",
		"%s is shorter than two periods of reconcileEvery, %s; a start in between could be missed", c.LostAfter.Duration, c.ReconcileEvery.Duration)
}
