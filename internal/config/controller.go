package config

import (
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/logging"
)

// Controller configures bulkhead-controller: how it runs. What it decides is in the NodeIsolationPolicy objects.
type Controller struct {
	// Kubeconfig is used outside the cluster. Default empty: the pod's service account.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// APIServers are addresses, host:port, to try when neither the configured one nor a remembered one answers.
	APIServers []string `json:"apiServers,omitempty"`
	// StateDir keeps the remembered addresses of API servers across restarts. Default empty: in memory only, a pod
	// has no disk of its own.
	StateDir string `json:"stateDir,omitempty"`
	// Identity names this process to the other controllers. Default empty: host name and a random suffix.
	Identity string `json:"identity,omitempty"`
	// Namespace holds the leader election's Lease. Default bulkhead-system.
	Namespace string `json:"namespace"`
	// MetricsAddress serves /metrics, /livez and /readyz. Default :10299. Empty serves nothing.
	MetricsAddress string `json:"metricsAddress"`

	// DefaultPolicy is the spec that the NodeIsolationPolicy called default is created with if there is none; afterwards
	// the object is people's to edit. Default empty: the defaults of api/v1alpha1.
	DefaultPolicy v1alpha1.NodeIsolationPolicySpec `json:"defaultPolicy,omitzero"`

	Log            logging.Config `json:"log"`
	LeaderElection LeaderElection `json:"leaderElection"`
	Beats          Beats          `json:"beats"`
	Dials          Dials          `json:"dials"`
	Evictions      Evictions      `json:"evictions"`
}

// LeaderElection times the change of leader. A dead leader is replaced within lease + retry, 4.5s: together with the
// three missed beats that stays far below the 40s after which Kubernetes notices anything.
type LeaderElection struct {
	// LeaseDuration is how long a leader that does not renew is waited for. Default 4s.
	LeaseDuration Duration `json:"leaseDuration"`
	// RenewDeadline is when a leader that cannot renew stops. Default 3s; shorter than leaseDuration, so that the old
	// leader has stopped before the next begins.
	RenewDeadline Duration `json:"renewDeadline"`
	// RetryPeriod is the pause between attempts. Default 500ms.
	RetryPeriod Duration `json:"retryPeriod"`
}

// Beats is the rule for the period asked of every agent: clamp(nodes/nodesPerSecond, min, max).
type Beats struct {
	// NodesPerSecond is how many beats per second the API server is given to carry. Default 200: about 1 ms of etcd each.
	NodesPerSecond int `json:"nodesPerSecond"`
	// MinPeriod is the period of a small cluster. Default 1s.
	MinPeriod Duration `json:"minPeriod"`
	// MaxPeriod is the period of a huge one. Default 10s.
	MaxPeriod Duration `json:"maxPeriod"`
}

// Period is the beat period asked of every agent of a cluster of this size.
func (b Beats) Period(nodes int) time.Duration {
	period := time.Duration(nodes) * time.Second / time.Duration(b.NodesPerSecond)
	return min(max(period, b.MinPeriod.Duration), b.MaxPeriod.Duration)
}

// Dials is how the controller asks a silent node itself.
type Dials struct {
	// KubeletPort is dialed as the first witness. Default 10250.
	KubeletPort int `json:"kubeletPort"`
	// AgentPort is dialed as the second when the agent's beats name no address. Default 10298.
	AgentPort int `json:"agentPort"`
	// Timeout of one round. Default 1s: two attempts 300ms apart, ended before suspicion.
	Timeout Duration `json:"timeout"`
}

// Evictions paces the pods we ask to leave.
type Evictions struct {
	// PerSecond in all. Default 50; Kubernetes' own taint eviction manages about 5.
	PerSecond int `json:"perSecond"`
}

// DefaultController is the configuration of a controller with no file.
func DefaultController() Controller {
	return Controller{
		Namespace:      v1alpha1.SystemNamespace,
		MetricsAddress: ":10299",
		Log:            logging.Default(),
		LeaderElection: LeaderElection{
			LeaseDuration: Duration{Duration: 4 * time.Second},
			RenewDeadline: Duration{Duration: 3 * time.Second},
			RetryPeriod:   Duration{Duration: 500 * time.Millisecond},
		},
		Beats: Beats{
			NodesPerSecond: 200,
			MinPeriod:      Duration{Duration: time.Second},
			MaxPeriod:      Duration{Duration: 10 * time.Second},
		},
		Dials:     Dials{KubeletPort: 10250, AgentPort: 10298, Timeout: Duration{Duration: time.Second}},
		Evictions: Evictions{PerSecond: 50},
	}
}

// Validate reports every problem with its path.
func (c Controller) Validate() error {
	var p Problems
	p.requireServers("apiServers", c.APIServers)
	p.requireSubdomain("namespace", c.Namespace)
	if c.Identity != "" {
		p.requireSubdomain("identity", c.Identity)
	}
	if c.MetricsAddress != "" {
		p.requireHostPort("metricsAddress", c.MetricsAddress)
	}
	p.requireLog("log", c.Log)
	c.LeaderElection.validate(&p)
	c.Beats.validate(&p)
	p.requirePort("dials.kubeletPort", c.Dials.KubeletPort)
	p.requirePort("dials.agentPort", c.Dials.AgentPort)
	p.requireBetween("dials.timeout", c.Dials.Timeout, 100*time.Millisecond, 3*time.Second)
	p.Require(c.Evictions.PerSecond >= 1 && c.Evictions.PerSecond <= 1000, "evictions.perSecond",
		"%d is outside 1 to 1000; the default is 50", c.Evictions.PerSecond)
	return p.Err()
}

func (l LeaderElection) validate(p *Problems) {
	p.requireBetween("leaderElection.leaseDuration", l.LeaseDuration, time.Second, 5*time.Minute)
	p.Require(l.RenewDeadline.Duration < l.LeaseDuration.Duration, "leaderElection.renewDeadline",
		"%s is not shorter than leaseDuration %s; the old leader must stop before the next begins",
		l.RenewDeadline.Duration, l.LeaseDuration.Duration)
	// client-go asks for more than retryPeriod × its jitter factor of 1.2.
	p.Require(l.RetryPeriod.Duration > 0 && l.RetryPeriod.Duration*12/10 < l.RenewDeadline.Duration, "leaderElection.retryPeriod",
		"%s leaves no second attempt before renewDeadline %s; use at most half of it", l.RetryPeriod.Duration, l.RenewDeadline.Duration)
}

func (b Beats) validate(p *Problems) {
	p.Require(b.NodesPerSecond >= 1, "beats.nodesPerSecond", "%d is not a rate; use 1 or more, the default is 200", b.NodesPerSecond)
	p.requireBetween("beats.minPeriod", b.MinPeriod, 100*time.Millisecond, time.Minute)
	p.requireBetween("beats.maxPeriod", b.MaxPeriod, 100*time.Millisecond, time.Minute)
	p.Require(b.MinPeriod.Duration <= b.MaxPeriod.Duration, "beats.maxPeriod",
		"%s is shorter than minPeriod %s; swap them", b.MaxPeriod.Duration, b.MinPeriod.Duration)
}
