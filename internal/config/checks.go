package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Checks says how the agent's checks run. Every check has its own defaults in agent/checks.go; these override them.
type Checks struct {
	// Defaults apply to every check.
	Defaults CheckSettings `json:"defaults"`
	// Settings override the defaults for one check, by its name.
	Settings map[string]CheckSettings `json:"settings,omitempty"`
	// Kubelet, Runtime and Docker say where this node's daemons are.
	Kubelet KubeletSubject `json:"kubelet"`
	Runtime RuntimeSubject `json:"runtime"`
	Docker  DockerSubject  `json:"docker"`
	// Containers says when containers that do not run are the node's fault.
	Containers ContainersSubject `json:"containers"`
	// Network says what the checks of links, routes, connections, name servers, the API server and peers go by.
	Network NetworkSubject `json:"network"`
	// OVS and Calico say where the network's daemons are.
	OVS    OVSSubject    `json:"ovs"`
	Calico CalicoSubject `json:"calico"`
	// Netfilter says whose packet filter rules must be there.
	Netfilter NetfilterSubject `json:"netfilter"`
	// Pressure says what the checks of disk, memory, process numbers and stalls go by.
	Pressure PressureSubject `json:"pressure"`
	// Units adds a check per systemd unit.
	Units []UnitCheck `json:"units,omitempty"`
	// Processes adds a check per process.
	Processes []ProcessCheck `json:"processes,omitempty"`
}

// CheckSettings is the policy for running and believing one check. An absent field leaves the check's own default.
type CheckSettings struct {
	// Disabled leaves the check out. Default false.
	Disabled bool `json:"disabled,omitempty"`
	// Interval between looks. Default 1s (the seed's), at least 100ms.
	Interval *Duration `json:"interval,omitempty"`
	// Timeout of one look. Default 80% of the interval, less than the interval.
	Timeout *Duration `json:"timeout,omitempty"`
	// FailAfter is how many failures in a row make the check Unhealthy. Default 3 (the seed's), 1 acts on the first.
	FailAfter *int `json:"failAfter,omitempty"`
	// OKAfter is how many good looks in a row make it Healthy again. Default 3.
	OKAfter *int `json:"okAfter,omitempty"`
	// Dwell is the least time in Unhealthy. Default 30s, so that a flapping daemon does not flap the node.
	Dwell *Duration `json:"dwell,omitempty"`
	// Confirm says how a failure that the kernel or the daemon tells of is confirmed. What a policy makes of it, its
	// field confirm says.
	Confirm *Confirmation `json:"confirm,omitempty"`
}

// Confirmation is a short series of looks after an event.
type Confirmation struct {
	// At is when to look, counted from the event; all of these looks must fail. Default [0ms, 5ms, 20ms]: a daemon that
	// was replaced within milliseconds is seen alive by the last one. Empty confirms nothing fast.
	At []Duration `json:"at"`
}

// KubeletSubject says where the kubelet is.
type KubeletSubject struct {
	// HealthzURL answers 200 while the kubelet is well. Default http://127.0.0.1:10248/healthz, the kubelet's own.
	HealthzURL string `json:"healthzURL"`
	// Unit is its systemd unit, not applicable where there is none. Default kubelet.service.
	Unit string `json:"unit"`
	// Process is the kernel's name of it, for nodes without the unit. Default kubelet.
	Process string `json:"process"`
}

// RuntimeSubject says where the container runtime is that the kubelet uses.
type RuntimeSubject struct {
	// Endpoint is as in the kubelet's configuration, for example unix:///run/crio/crio.sock. Default auto: found.
	Endpoint string `json:"endpoint"`
	// Unit is its systemd unit. Default empty: that of the runtime found.
	Unit string `json:"unit,omitempty"`
	// Process is the kernel's name of it. Default empty: that of the runtime found.
	Process string `json:"process,omitempty"`
}

// DockerSubject says where dockerd is.
type DockerSubject struct {
	// Socket answers GET /_ping. Default /run/docker.sock.
	Socket string `json:"socket"`
	// Unit is its systemd unit. Default docker.service.
	Unit string `json:"unit"`
	// Process is the kernel's name of it. Default dockerd.
	Process string `json:"process"`
}

// UnitCheck watches one systemd unit.
type UnitCheck struct {
	// Name of the check, lower case with dashes.
	Name string `json:"name"`
	// Unit is its full name, for example chrony.service.
	Unit string `json:"unit"`
}

// ProcessCheck watches for one process.
type ProcessCheck struct {
	// Name of the check, lower case with dashes.
	Name string `json:"name"`
	// Process is the kernel's name of it, at most 15 bytes, as in /proc/<pid>/comm.
	Process string `json:"process"`
}

// DefaultChecks overrides nothing, and looks for the daemons where kubeadm and the distributions' packages put them.
func DefaultChecks() Checks {
	return Checks{
		Kubelet:    KubeletSubject{HealthzURL: "http://127.0.0.1:10248/healthz", Unit: "kubelet.service", Process: "kubelet"},
		Runtime:    RuntimeSubject{Endpoint: "auto"},
		Docker:     DockerSubject{Socket: "/run/docker.sock", Unit: "docker.service", Process: "dockerd"},
		Containers: DefaultContainers(),
		Network:    defaultNetwork(),
		Pressure:   defaultPressure(),
		OVS:        defaultOVS(),
		Calico:     defaultCalico(),
		Netfilter:  defaultNetfilter(),
	}
}

// For is the policy for one check: its own settings over the defaults.
func (c Checks) For(name string) CheckSettings {
	s, d := c.Settings[name], c.Defaults
	s.Disabled = s.Disabled || d.Disabled
	s.Interval = firstSet(s.Interval, d.Interval)
	s.Timeout = firstSet(s.Timeout, d.Timeout)
	s.FailAfter = firstSet(s.FailAfter, d.FailAfter)
	s.OKAfter = firstSet(s.OKAfter, d.OKAfter)
	s.Dwell = firstSet(s.Dwell, d.Dwell)
	s.Confirm = firstSet(s.Confirm, d.Confirm)
	return s
}

func firstSet[T any](own, general *T) *T {
	if own != nil {
		return own
	}
	return general
}

var checkName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func (c Checks) validate(p *Problems) {
	c.Defaults.validate(p, "checks.defaults")
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		c.Settings[name].validate(p, "checks.settings."+name)
	}
	p.Require(strings.HasPrefix(c.Kubelet.HealthzURL, "http://"), "checks.kubelet.healthzURL",
		"%q is not an http:// address; the kubelet's own is http://127.0.0.1:10248/healthz", c.Kubelet.HealthzURL)
	socket := strings.TrimPrefix(c.Runtime.Endpoint, "unix://")
	p.Require(c.Runtime.Endpoint == "auto" || strings.HasPrefix(socket, "/"), "checks.runtime.endpoint",
		"%q is neither auto nor a socket like unix:///run/crio/crio.sock; copy the kubelet's containerRuntimeEndpoint", c.Runtime.Endpoint)
	p.Require(strings.HasPrefix(c.Docker.Socket, "/"), "checks.docker.socket", "%q is not an absolute path", c.Docker.Socket)
	c.Network.validate(p, "checks.network")
	c.Pressure.validate(p, "checks.pressure")
	c.OVS.validate(p, "checks.ovs")
	c.Calico.validate(p, "checks.calico")
	c.Netfilter.validate(p)
	c.Containers.validate(p, "checks.containers")
	seen := map[string]bool{}
	for i, unit := range c.Units {
		path := indexed("checks.units", i)
		p.requireCheckName(path, unit.Name, seen)
		p.Require(unit.Unit != "", path+".unit", "is empty; name the unit, like chrony.service")
	}
	for i, process := range c.Processes {
		path := indexed("checks.processes", i)
		p.requireCheckName(path, process.Name, seen)
		p.Require(len(process.Process) > 0 && len(process.Process) <= 15, path+".process",
			"%q is not a process name; give 1 to 15 bytes, as in /proc/<pid>/comm", process.Process)
	}
}

func (s CheckSettings) validate(p *Problems, path string) {
	interval := time.Second
	if s.Interval != nil {
		interval = s.Interval.Duration
		p.requireBetween(path+".interval", *s.Interval, 100*time.Millisecond, time.Hour)
	}
	if s.Timeout != nil {
		p.Require(s.Timeout.Duration > 0 && s.Timeout.Duration < interval, path+".timeout",
			"%s does not end before the next look; use less than the interval, %s", s.Timeout.Duration, interval)
	}
	p.requireThreshold(path+".failAfter", s.FailAfter)
	p.requireThreshold(path+".okAfter", s.OKAfter)
	if s.Dwell != nil {
		p.requireBetween(path+".dwell", *s.Dwell, 0, time.Hour)
	}
	s.Confirm.validate(p, path+".confirm.at", interval)
}

func (c *Confirmation) validate(p *Problems, path string, interval time.Duration) {
	if c == nil {
		return
	}
	previous := time.Duration(0)
	for i, at := range c.At {
		p.Require(at.Duration >= previous && at.Duration < interval, indexed(path, i),
			"%s is not between the one before it and the next look, %s after the event; write them in order, like [0ms, 5ms, 20ms]", at.Duration, interval)
		previous = at.Duration
	}
}

func (p *Problems) requireThreshold(path string, threshold *int) {
	if threshold != nil {
		p.Require(*threshold >= 1 && *threshold <= 1000, path, "%d is not a threshold; use 1 to 1000, the default is 3", *threshold)
	}
}

func (p *Problems) requireCheckName(path, name string, seen map[string]bool) {
	p.Require(checkName.MatchString(name), path+".name", "%q is not a check name; use lower case letters, digits and dashes, at most 63", name)
	p.Require(!seen[name], path+".name", "%q is used twice; give every check its own name", name)
	seen[name] = true
}
