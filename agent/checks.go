package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/calico"
	"github.com/bulkhead-dev/bulkhead/agent/check/containers"
	"github.com/bulkhead-dev/bulkhead/agent/check/docker"
	"github.com/bulkhead-dev/bulkhead/agent/check/kubelet"
	"github.com/bulkhead-dev/bulkhead/agent/check/netfilter"
	"github.com/bulkhead-dev/bulkhead/agent/check/network"
	"github.com/bulkhead-dev/bulkhead/agent/check/ovs"
	"github.com/bulkhead-dev/bulkhead/agent/check/pressure"
	"github.com/bulkhead-dev/bulkhead/agent/check/process"
	"github.com/bulkhead-dev/bulkhead/agent/check/runtime"
	"github.com/bulkhead-dev/bulkhead/agent/check/unit"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// checks is everything this agent looks at. Each check has the defaults of check.New (every 1 s, 3 failures in, 3 good
// looks and 30 s out) and what is written here; the configuration overrides them.
func checks(c config.Checks, doors host.Doors, cluster network.Cluster) ([]check.Check, error) {
	runtimes, err := runtime.Discover(c.Runtime, c.Kubelet, doors)
	if err != nil {
		return nil, err
	}
	list := runtimes.Checks()
	theRuntime := names(list)
	list = append(list,
		// A kubelet that fails while its runtime is down is explained by it.
		check.New("kubelet", kubelet.New(c.Kubelet, doors)).Needing(check.NeedRun, check.NeedHostPID, check.NeedHostNetwork).After(theRuntime...),
		// dockerd fails with the containerd beneath it, if that one is looked at.
		check.New("docker", docker.New(c.Docker, doors)).Needing(check.NeedRun, check.NeedHostPID).After("containerd"),
		// Containers are listed by the runtime, and tell nothing of a node whose runtime is down.
		check.New("containers", containers.New(c.Containers, runtimes.Endpoint, doors)).Needing(check.NeedRun, check.NeedHostPID).After(theRuntime...),
		check.New("netfilter", netfilter.New(c.Netfilter, doors)).Needing(check.NeedHostPID, check.NeedHostNetwork, check.NeedNetAdmin),
		// Open vSwitch may run as a user of its own, whose sockets root alone may not write to.
		check.New("ovs", ovs.New(c.OVS, doors)).Needing(check.NeedRun, check.NeedHostPID, check.NeedHostNetwork, check.NeedDACOverride),
		check.New("calico", calico.New(c.Calico, doors)).Needing(check.NeedRun, check.NeedHostPID, check.NeedHostNetwork),
	)
	list = append(list, pressure.New(c.Pressure, c.Kubelet.Process, doors)...)
	list = append(list, networkChecks(c.Network, doors, cluster)...)
	for _, u := range c.Units {
		list = append(list, check.New(check.Name(u.Name), unit.New(u.Unit, doors)).Needing(check.NeedRun, check.NeedHostPID))
	}
	for _, p := range c.Processes {
		list = append(list, check.New(check.Name(p.Name), process.New(p.Process, doors)).Needing(check.NeedHostPID))
	}
	return configured(list, c)
}

func names(list []check.Check) []check.Name {
	all := make([]check.Name, len(list))
	for i, c := range list {
		all[i] = c.Name
	}
	return all
}

// configured overrides what the configuration names, leaves out what it disables, and forgets dependencies on that.
func configured(list []check.Check, c config.Checks) ([]check.Check, error) {
	var problems []error
	all := names(list)
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		if !slices.Contains(all, check.Name(name)) {
			problems = append(problems, fmt.Errorf("checks.settings.%s: there is no such check; there are %v", name, all))
		}
	}
	list = slices.DeleteFunc(list, func(one check.Check) bool { return c.For(string(one.Name)).Disabled })
	left := names(list)
	for i, one := range list {
		one = overridden(one, c.For(string(one.Name)))
		one.DependsOn = slices.DeleteFunc(slices.Clone(one.DependsOn), func(on check.Name) bool { return !slices.Contains(left, on) })
		list[i] = one
	}
	return list, errors.Join(append(problems, check.Validate(list))...)
}

func overridden(c check.Check, s config.CheckSettings) check.Check {
	duration := func(field *time.Duration, value *config.Duration) {
		if value != nil {
			*field = value.Duration
		}
	}
	number := func(field *int, value *int) {
		if value != nil {
			*field = *value
		}
	}
	duration(&c.Interval, s.Interval)
	duration(&c.Timeout, s.Timeout)
	duration(&c.Dwell, s.Dwell)
	number(&c.FailAfter, s.FailAfter)
	number(&c.OKAfter, s.OKAfter)
	if s.Confirm != nil {
		c.Confirm = nil
		for _, at := range s.Confirm.At {
			c.Confirm = append(c.Confirm, at.Duration)
		}
	}
	// A short interval leaves no time for the looks of the default.
	c.Confirm = slices.DeleteFunc(c.Confirm, func(at time.Duration) bool { return at >= c.Interval })
	return c
}
