package report

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

type metrics struct {
	beats    *prometheus.CounterVec
	duration prometheus.Histogram
	writes   *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		beats: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bulkhead_agent_beats_total",
			Help: "Heartbeats, by what became of them: ok, late (past the deadline), no_lease or error.",
		}, []string{"outcome"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "bulkhead_agent_beat_duration_seconds",
			Help:    "Time one heartbeat took, whatever became of it.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bulkhead_agent_status_writes_total",
			Help: "Writes of the agent's status, by what became of them: ok, late (past the deadline) or error.",
		}, []string{"outcome"}),
	}
	for _, c := range []prometheus.Collector{m.beats, m.duration, m.writes} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) beat(took time.Duration, err error) {
	m.duration.Observe(took.Seconds())
	m.beats.WithLabelValues(outcome(err)).Inc()
}

func (m *metrics) wrote(err error) { m.writes.WithLabelValues(outcome(err)).Inc() }

func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, heartbeat.ErrNoLease):
		return "no_lease"
	case errors.Is(err, context.DeadlineExceeded):
		return "late"
	default:
		return "error"
	}
}
