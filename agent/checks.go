package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/docker"
	"github.com/bulkhead-dev/bulkhead/agent/check/kubelet"
	"github.com/bulkhead-dev/bulkhead/agent/check/process"
	"github.com/bulkhead-dev/bulkhead/agent/check/runtime"
	"github.com/bulkhead-dev/bulkhead/agent/check/unit"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// checks is everything this agent looks at. Each check has the defaults of check.New (every 1 s, 3 failures in, 3 good
// looks and 30 s out) and what is written here; the configuration overrides them.
func checks(c config.Checks, doors host.Doors) ([]check.Check, error) {
	runtimes, err := runtime.New(c.Runtime, doors)
	if err != nil {
		return nil, err
	}
	theRuntime := names(runtimes)

	list := runtimes
	list = append(list,
		// A kubelet that fails while its runtime is down is explained by it.
		dependent(check.New("kubelet", kubelet.New(c.Kubelet, doors)), theRuntime),
		// dockerd fails with the containerd beneath it, if that one is looked at.
		dependent(check.New("docker", docker.New(c.Docker, doors)), []check.Name{"containerd"}),
	)
	for _, u := range c.Units {
		list = append(list, check.New(check.Name(u.Name), unit.New(u.Unit, doors)))
	}
	for _, p := range c.Processes {
		list = append(list, check.New(check.Name(p.Name), process.New(p.Process, doors)))
	}
	return configured(list, c)
}

func dependent(c check.Check, on []check.Name) check.Check {
	c.DependsOn = on
	return c
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
	return c
}
