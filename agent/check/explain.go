package check

import "time"

// explainedBy finds, for a check that fails or cannot tell, the nearest check it depends on, directly or through others,
// that explains it. A failure that is explained is shown and not acted on.
func explainedBy(name Name, checks map[Name]Check, beliefs map[Name]Belief) Name {
	b := beliefs[name]
	if !failing(b.State) && b.State != Unknown {
		return ""
	}
	visited := map[Name]bool{name: true}
	for near := checks[name].DependsOn; len(near) > 0; {
		var far []Name
		for _, dependency := range near {
			if visited[dependency] {
				continue
			}
			visited[dependency] = true
			if explains(beliefs[dependency], b, checks[name]) {
				return dependency
			}
			far = append(far, checks[dependency].DependsOn...)
		}
		near = far
	}
	return ""
}

// explains says that what is believed of a check is because of another, its cause. That holds for a while after the cause
// is well again, for a check that was well before the cause failed: it is looked at later. When FailAfter looks have had
// the time to find it well and one has not, it fails by itself. Unknown explains nothing.
func explains(cause, b Belief, c Check) bool {
	if failing(cause.State) {
		return true
	}
	alone := cause.failed.until.Add(time.Duration(c.FailAfter) * c.Interval)
	tookAlong := b.bad.from.After(cause.failed.from.Add(-c.Interval))
	return cause.State == Healthy && !cause.failed.until.IsZero() && tookAlong && b.bad.until.Before(alone)
}

// failing includes what is not confirmed yet: a cause and what it takes along are not looked at in the same moment.
func failing(s State) bool { return s == Failing || s == Unhealthy || s == Restarting }
