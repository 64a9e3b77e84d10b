package check

// explainedBy finds, for a check that fails or cannot tell, the nearest failing check it depends on, directly or through
// others. A failure that is explained is shown and not acted on. Unknown explains nothing.
func explainedBy(name Name, checks map[Name]Check, state func(Name) State) Name {
	if s := state(name); !failing(s) && s != Unknown {
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
			if failing(state(dependency)) {
				return dependency
			}
			far = append(far, checks[dependency].DependsOn...)
		}
		near = far
	}
	return ""
}

// failing includes what is not confirmed yet: a cause and what it takes along are not looked at in the same moment.
func failing(s State) bool { return s == Failing || s == Unhealthy || s == Restarting }
