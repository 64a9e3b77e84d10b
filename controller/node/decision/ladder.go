package decision

import (
	"cmp"
	"slices"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// demand is what the ladder asks for about one node, and for which fault.
type demand struct {
	action  v1alpha1.Action
	reason  v1alpha1.Reason
	message string
	trigger string // the check or verdict it rests on
}

// fault is one thing a rule can name.
type fault struct {
	check   string
	verdict v1alpha1.NodeState
	reason  v1alpha1.Reason
	message string
	fast    bool // confirmed by the looks after an event, and by no more
}

func (f fault) trigger() string {
	if f.check != "" {
		return f.check
	}
	return string(f.verdict)
}

// demandOf is the strongest action the ladder asks for. Faults must be ordered by name; the first of equal strength is
// the headline, so the order of an agent's report does not matter.
func (l Ladder) demandOf(faults []fault) demand {
	var best demand
	raise := func(a v1alpha1.Action, f fault) {
		if a.Severity() > best.action.Severity() {
			best = demand{action: a, reason: f.reason, message: f.message, trigger: f.trigger()}
		}
	}
	for _, f := range faults {
		if l.names(f) || !believes(f, l.Confirm) {
			continue
		}
		if f.check != "" {
			raise(l.ofCheck(f.check), f)
		} else {
			raise(l.ofVerdict(f.verdict), f)
		}
	}
	for _, r := range l.Rules {
		if hits := l.hits(r, faults); matches(r, hits) {
			raise(r.Action, hits[0])
		}
	}
	return best
}

// names says whether any rule mentions the fault; the profile is silent about it then.
func (l Ladder) names(f fault) bool {
	return slices.ContainsFunc(l.Rules, func(r v1alpha1.Rule) bool {
		return slices.ContainsFunc(r.Terms, func(t v1alpha1.Term) bool { return holds(t, f) })
	})
}

// strongest is the strongest action a failure of the check could lead to.
func (l Ladder) strongest(check string) v1alpha1.Action {
	var best v1alpha1.Action
	named := false
	for _, r := range l.Rules {
		for _, t := range r.Terms {
			if t.Check != check && t.Reason == "" {
				continue
			}
			named = named || t.Check == check
			if r.Action.Severity() > best.Severity() {
				best = r.Action
			}
		}
	}
	if own := l.ofCheck(check); !named && own.Severity() > best.Severity() {
		return own
	}
	return best
}

// believes says whether a fault counts where failures are confirmed like that.
func believes(f fault, c v1alpha1.Confirm) bool { return !f.fast || c == v1alpha1.ConfirmFast }

// believes says whether anything in the ladder would act on the fault.
func (l Ladder) believes(f fault) bool {
	if !l.names(f) {
		return believes(f, l.Confirm)
	}
	return slices.ContainsFunc(l.Rules, func(r v1alpha1.Rule) bool {
		return believes(f, cmp.Or(r.Confirm, l.Confirm)) && slices.ContainsFunc(r.Terms, func(t v1alpha1.Term) bool { return holds(t, f) })
	})
}

// hits lists, term by term, the first fault that satisfies it.
func (l Ladder) hits(r v1alpha1.Rule, faults []fault) []fault {
	confirm := cmp.Or(r.Confirm, l.Confirm)
	var out []fault
	for _, t := range r.Terms {
		if at := slices.IndexFunc(faults, func(f fault) bool { return holds(t, f) && believes(f, confirm) }); at >= 0 {
			out = append(out, faults[at])
		}
	}
	return out
}

func matches(r v1alpha1.Rule, hits []fault) bool {
	switch r.Match {
	case v1alpha1.MatchAll:
		return len(hits) == len(r.Terms)
	case v1alpha1.MatchAtLeast:
		return r.AtLeast != nil && len(hits) >= int(*r.AtLeast) && len(hits) > 0
	default:
		return len(hits) > 0
	}
}

func holds(t v1alpha1.Term, f fault) bool {
	switch {
	case t.Check != "":
		return t.Check == f.check
	case t.Reason != "":
		return f.check != "" && t.Reason == f.reason
	case t.Verdict != "":
		return t.Verdict == f.verdict
	default:
		return false
	}
}
