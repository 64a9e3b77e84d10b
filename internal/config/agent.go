package config

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/internal/logging"
)

// Duration is written like 3s, 500ms or 1h30m.
type Duration = metav1.Duration

// Agent configures bulkhead-agent. Flags and the environment override what the file says.
type Agent struct {
	// NodeName is the Node this agent speaks for. Default: --node-name, then the environment's NODE_NAME, then the
	// host name in lower case, as the kubelet does it.
	NodeName string `json:"nodeName,omitempty"`
	// Kubeconfig is used outside the cluster. Default empty: the pod's service account.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// APIServers are addresses, host:port, to try when neither the configured one nor a remembered one answers.
	// Default empty.
	APIServers []string `json:"apiServers,omitempty"`
	// StateDir keeps the remembered addresses of API servers across restarts. Default /var/lib/bulkhead; empty keeps
	// them in memory only.
	StateDir string `json:"stateDir"`
	// HealthAddress serves /healthz and /metrics, and is the port the controller dials when the node falls silent.
	// Default :10298, on every address: on loopback the agent could not testify. Empty serves nothing.
	HealthAddress string `json:"healthAddress"`
	// HostRoot is where the host's file system is mounted. Default "/": the agent runs on the host, or sees it directly.
	HostRoot string `json:"hostRoot"`

	Log       logging.Config `json:"log"`
	Heartbeat AgentHeartbeat `json:"heartbeat"`
	Report    AgentReport    `json:"report"`
	Checks    Checks         `json:"checks"`
}

// AgentHeartbeat says how the agent says that it lives. The period is the controller's to set: it writes it on the
// node's Lease, clamp(nodes/200, 1s, 10s), and until it has the agent beats every second.
type AgentHeartbeat struct {
	// Transport carries the beat. Default lease; no other is built yet.
	Transport string `json:"transport"`
	// TimeoutPercent of the period bounds one beat. Default 80: a beat that takes longer would be late for its promise,
	// so it is given up, connections are closed and the next beat is sent over a new one.
	TimeoutPercent int `json:"timeoutPercent"`
	// MinTimeout is the least time a beat gets. Default 400ms: a TLS handshake over a slow link.
	MinTimeout Duration `json:"minTimeout"`
	// LeavingTimeout bounds the one attempt to say Leaving while shutting down. Default 1s: a shutdown is not ours to delay.
	LeavingTimeout Duration `json:"leavingTimeout"`
}

// AgentReport says how beliefs reach NodeHealth status.
type AgentReport struct {
	// Timeout bounds one write. Default 1s: the verdict of a dead daemon is worth one second of detection.
	Timeout Duration `json:"timeout"`
	// MaxRetry bounds the pause between attempts after errors. Default 10s, reached by doubling from 250ms.
	MaxRetry Duration `json:"maxRetry"`
}

// DefaultAgent is the configuration of an agent with no file.
func DefaultAgent() Agent {
	return Agent{
		StateDir:      "/var/lib/bulkhead",
		HealthAddress: ":10298",
		HostRoot:      "/",
		Log:           logging.Default(),
		Heartbeat: AgentHeartbeat{
			Transport:      "lease",
			TimeoutPercent: 80,
			MinTimeout:     Duration{Duration: 400 * time.Millisecond},
			LeavingTimeout: Duration{Duration: time.Second},
		},
		Report: AgentReport{
			Timeout:  Duration{Duration: time.Second},
			MaxRetry: Duration{Duration: 10 * time.Second},
		},
		Checks: DefaultChecks(),
	}
}

// Validate reports every problem with its path.
func (a Agent) Validate() error {
	var p Problems
	if a.NodeName != "" {
		p.requireSubdomain("nodeName", a.NodeName)
	}
	p.requireServers("apiServers", a.APIServers)
	if a.HealthAddress != "" {
		p.requireHostPort("healthAddress", a.HealthAddress)
	}
	p.Require(a.HostRoot != "", "hostRoot", "must not be empty; write / when the agent sees the host's own files")
	p.requireLog("log", a.Log)
	a.Heartbeat.validate(&p)
	p.requireBetween("report.timeout", a.Report.Timeout, 100*time.Millisecond, 10*time.Second)
	p.requireBetween("report.maxRetry", a.Report.MaxRetry, 250*time.Millisecond, 10*time.Minute)
	a.Checks.validate(&p)
	return p.Err()
}

func (h AgentHeartbeat) validate(p *Problems) {
	p.Require(h.Transport == "lease", "heartbeat.transport", "%q is not a transport; use lease, the only one built so far", h.Transport)
	p.Require(h.TimeoutPercent >= 10 && h.TimeoutPercent <= 95, "heartbeat.timeoutPercent",
		"%d is outside 10 to 95; a beat must end before the next is due, 80 is the default", h.TimeoutPercent)
	p.requireBetween("heartbeat.minTimeout", h.MinTimeout, 50*time.Millisecond, 900*time.Millisecond)
	p.requireBetween("heartbeat.leavingTimeout", h.LeavingTimeout, 100*time.Millisecond, 5*time.Second)
}
