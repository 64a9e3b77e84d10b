// Package metrics declares every metric of the controller. The gauges are the leader's; a standby's are zero, so that
// a sum over all controllers counts nothing twice.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Set is the controller's metrics.
type Set struct {
	Leader       prometheus.Gauge
	Blind        prometheus.Gauge
	Storm        prometheus.Gauge
	Nodes        *prometheus.GaugeVec // by state
	Withheld     *prometheus.GaugeVec // by brake
	Isolated     *prometheus.GaugeVec // by action
	Permits      prometheus.Gauge
	Budget       prometheus.Gauge
	Epoch        prometheus.Gauge
	Intents      prometheus.Gauge
	BeatPeriod   prometheus.Gauge
	PassSeconds  prometheus.Histogram
	Passes       *prometheus.CounterVec // by outcome
	Isolations   *prometheus.CounterVec // by reason
	Releases     *prometheus.CounterVec // by reason
	Cancelled    prometheus.Counter
	ActionErrors *prometheus.CounterVec // by kind
	Evictions    *prometheus.CounterVec // by outcome
	Dials        *prometheus.CounterVec // by outcome
	StatusWrites *prometheus.CounterVec // by outcome
}

// New declares the metrics at a registry.
func New(r prometheus.Registerer) *Set {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "bulkhead_" + name, Help: help})
		r.MustRegister(g)
		return g
	}
	gauges := func(name, help, label string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "bulkhead_" + name, Help: help}, []string{label})
		r.MustRegister(g)
		return g
	}
	counters := func(name, help, label string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bulkhead_" + name, Help: help}, []string{label})
		r.MustRegister(c)
		return c
	}
	cancelled := prometheus.NewCounter(prometheus.CounterOpts{Name: "bulkhead_intents_cancelled_total",
		Help: "Isolations that were decided and not carried out, because what they rested on had changed."})
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "bulkhead_pass_duration_seconds",
		Help: "How long one pass took, from the snapshot to the last action.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)})
	r.MustRegister(cancelled, seconds)
	return &Set{
		Leader:       gauge("leader", "1 while this controller leads."),
		Blind:        gauge("blind", "1 while the controller's own view is not to be trusted."),
		Storm:        gauge("storm", "1 while too many nodes are suspect at once, or a check fails on several: something is withheld for it."),
		Nodes:        gauges("nodes", "Nodes by verdict.", "state"),
		Withheld:     gauges("withheld", "Actions held back now, by the brake that is most telling.", "brake"),
		Isolated:     gauges("isolated_nodes", "Nodes that carry our taint, by rung.", "action"),
		Permits:      gauge("permits_spent", "Permits spent within their window."),
		Budget:       gauge("permits_budget", "Permits the cluster has for one window."),
		Epoch:        gauge("ledger_epoch", "Epoch of the ledger as this controller last saw it."),
		Intents:      gauge("ledger_intents", "Isolations decided and not yet seen done."),
		BeatPeriod:   gauge("beat_period_seconds", "Beat period asked of every agent."),
		PassSeconds:  seconds,
		Passes:       counters("passes_total", "Passes by outcome: done, ledger_changed, ledger_error.", "outcome"),
		Isolations:   counters("isolations_total", "Isolations carried out, by reason.", "reason"),
		Releases:     counters("releases_total", "Taints taken back: by us (Recovered) or by somebody else (ReleasedByHand).", "reason"),
		Cancelled:    cancelled,
		ActionErrors: counters("action_errors_total", "Actions that failed and are tried again, by kind.", "kind"),
		Evictions:    counters("evictions_total", "Pods we asked to leave, by outcome: evicted, held, deleted, error.", "outcome"),
		Dials:        counters("dials_total", "Rounds of dials by outcome: connected, refused, silent.", "outcome"),
		StatusWrites: counters("status_writes_total", "NodeHealth status writes by outcome: done, error.", "outcome"),
	}
}
