package check

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// MinInterval is the shortest interval, and the least time between two looks that events ask for.
const MinInterval = 100 * time.Millisecond

var namePattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// Validate says what is wrong with a list of checks. Configuration is validated where it is read; this guards the list
// in agent/checks.go.
func Validate(checks []Check) error {
	var problems []error
	byName := map[Name]Check{}
	for _, c := range checks {
		if _, twice := byName[c.Name]; twice {
			problems = append(problems, fmt.Errorf("check %s is listed twice", c.Name))
		}
		byName[c.Name] = c
		problems = append(problems, c.validate())
	}
	for _, c := range checks {
		for _, dependency := range c.DependsOn {
			if _, known := byName[dependency]; !known {
				problems = append(problems, fmt.Errorf("check %s depends on %s, which is not listed", c.Name, dependency))
			}
		}
		if dependsOnItself(c.Name, byName) {
			problems = append(problems, fmt.Errorf("check %s depends on itself, directly or through others", c.Name))
		}
	}
	return errors.Join(problems...)
}

func (c Check) validate() error {
	var problems []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf("check %s: "+format, append([]any{c.Name}, args...)...))
		}
	}
	require(namePattern.MatchString(string(c.Name)), "the name must be lower case letters, digits and dashes, at most 63")
	require(c.Probe != nil, "there is no probe")
	require(c.Interval >= MinInterval, "interval %s is below %s", c.Interval, MinInterval)
	require(c.Timeout >= 0 && c.Timeout < c.Interval, "timeout %s does not end before the next look, %s later", c.Timeout, c.Interval)
	require(c.FailAfter >= 1, "failAfter %d: use 1 or more", c.FailAfter)
	require(c.OKAfter >= 1, "okAfter %d: use 1 or more", c.OKAfter)
	require(c.Dwell >= 0, "dwell %s is negative", c.Dwell)
	require(slices.IsSorted(c.Confirm), "confirm %v is not in order", c.Confirm)
	require(len(c.Confirm) == 0 || (c.Confirm[0] >= 0 && c.Confirm[len(c.Confirm)-1] < c.Interval),
		"confirm %v does not end before the next look, %s later", c.Confirm, c.Interval)
	return errors.Join(problems...)
}

func dependsOnItself(name Name, byName map[Name]Check) bool {
	visited := map[Name]bool{}
	queue := byName[name].DependsOn
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		if next == name {
			return true
		}
		if !visited[next] {
			visited[next] = true
			queue = append(queue[:len(queue):len(queue)], byName[next].DependsOn...)
		}
	}
	return false
}
