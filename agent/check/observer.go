package check

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// An Observer is told of every look, every event and every change of belief. It may be called concurrently.
type Observer interface {
	Told(name Name)
	Looked(name Name, outcome State, took time.Duration)
	Believed(name Name, state State)
}

// Metrics is the Observer that Prometheus reads.
type Metrics struct {
	duration *prometheus.HistogramVec
	looks    *prometheus.CounterVec
	state    *prometheus.GaugeVec
	told     *prometheus.CounterVec
}

// NewMetrics registers the metrics of checks.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "bulkhead_check_duration_seconds",
			Help:    "Time one look of a check took; an overdue look counts with the time it was waited for.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"check"}),
		looks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bulkhead_check_looks_total",
			Help: "Looks of a check, by what the single look said.",
		}, []string{"check", "outcome"}),
		state: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "bulkhead_check_state",
			Help: "1 for the state that is believed of a check, 0 for the others. Absent while the check does not apply.",
		}, []string{"check", "state"}),
		told: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bulkhead_check_events_total",
			Help: "Times that the kernel or a daemon told a check of a change; at most ten looks a second follow from them.",
		}, []string{"check"}),
	}
	for _, c := range []prometheus.Collector{m.duration, m.looks, m.state, m.told} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Told counts one event.
func (m *Metrics) Told(name Name) { m.told.WithLabelValues(string(name)).Inc() }

// Looked counts one look.
func (m *Metrics) Looked(name Name, outcome State, took time.Duration) {
	m.duration.WithLabelValues(string(name)).Observe(took.Seconds())
	m.looks.WithLabelValues(string(name), string(outcome)).Inc()
}

// Believed shows what is believed now.
func (m *Metrics) Believed(name Name, state State) {
	if state == NotApplicable {
		m.state.DeletePartialMatch(prometheus.Labels{"check": string(name)})
		return
	}
	for _, s := range []State{Healthy, Failing, Unhealthy, Restarting, Unknown} {
		value := 0.0
		if s == state {
			value = 1
		}
		m.state.WithLabelValues(string(name), string(s)).Set(value)
	}
}

type noObserver struct{}

func (noObserver) Told(Name)                         {}
func (noObserver) Looked(Name, State, time.Duration) {}
func (noObserver) Believed(Name, State)              {}
