package loop

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
)

// states are all verdicts, so that a metric falls to zero and does not vanish.
var states = []v1alpha1.NodeState{
	v1alpha1.NodeHealthy, v1alpha1.NodeUnhealthy, v1alpha1.NodeRestarting, v1alpha1.NodeUnknown, v1alpha1.NodeSuspect, v1alpha1.NodeDown,
	v1alpha1.NodeAgentDown, v1alpha1.NodeCutOff, v1alpha1.NodeBlind, v1alpha1.NodeUnheard, v1alpha1.NodeLeaving,
}

// measure sets the gauges from one plan.
func (l *Loop) measure(view census.View, plan decision.Plan) {
	m := l.o.Metrics
	byState := map[v1alpha1.NodeState]int{}
	for _, v := range plan.Verdicts {
		byState[v.State]++
	}
	for _, s := range states {
		m.Nodes.WithLabelValues(string(s)).Set(float64(byState[s]))
	}
	byBrake := map[string]int{}
	storm := false
	for _, w := range plan.Withheld {
		if len(w.Held) > 0 {
			byBrake[string(w.Held[0].By)]++
		}
		for _, h := range w.Held {
			storm = storm || h.By == v1alpha1.BrakeStorm || h.By == v1alpha1.BrakeCorrelated
		}
	}
	for _, b := range v1alpha1.Brakes {
		m.Withheld.WithLabelValues(b.Name).Set(float64(byBrake[b.Name]))
	}
	byRung := map[v1alpha1.Action]int{}
	for _, n := range view.Nodes {
		byRung[n.OwnTaint]++
	}
	for _, a := range []v1alpha1.Action{v1alpha1.ActionNoSchedule, v1alpha1.ActionNoExecute} {
		m.Isolated.WithLabelValues(string(a)).Set(float64(byRung[a]))
	}
	m.Storm.Set(number(storm))
	m.Blind.Set(number(plan.Condition.Blind != ""))
	m.Permits.Set(float64(len(plan.Ledger.Permits)))
	m.Budget.Set(float64(l.limits.MaxIsolated.Of(plan.Census.Nodes)))
	m.Epoch.Set(float64(plan.Ledger.Epoch))
	m.Intents.Set(float64(len(plan.Ledger.Intents)))
	m.BeatPeriod.Set(view.Period.Seconds())
}

// unmeasure forgets the gauges when the term ends, so that a sum over all controllers counts nothing twice.
func (l *Loop) unmeasure() {
	m := l.o.Metrics
	m.Nodes.Reset()
	m.Withheld.Reset()
	m.Isolated.Reset()
	for _, g := range []prometheus.Gauge{m.Leader, m.Blind, m.Storm, m.Permits, m.Budget, m.Epoch, m.Intents, m.BeatPeriod} {
		g.Set(0)
	}
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
