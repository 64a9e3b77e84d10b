package v1alpha1

// Names and keys that more than one program must agree on. Everything of ours carries the prefix bulkhead.dev/,
// so that an uninstall, an admission policy or a person can tell ours from other owners' at a glance.
const (
	// TaintIsolated is the key of the only taint we ever write, with effect NoSchedule or NoExecute.
	// Its value is the reason of the isolation.
	TaintIsolated = GroupName + "/isolated"

	// AnnotationOwnedTaint on a Node records the taint we put there, as "effect=reason". A release removes a taint
	// only if this record says it is ours; without the record the taint was set by a person and stays.
	AnnotationOwnedTaint = GroupName + "/owned-taint"

	// AnnotationPermit on a Node names the ledger permit under which the taint was written, as "epoch.number".
	AnnotationPermit = GroupName + "/permit"

	// AnnotationBeatPeriod on a node's heartbeat Lease is the beat period the controller asks for, a Go duration.
	// The agent reads it in the answer to its own renewal, so it needs no watch.
	AnnotationBeatPeriod = GroupName + "/beat-period"

	// AnnotationPeers on a node's heartbeat Lease names agents of a few other nodes, ip:port, comma separated. The agent
	// asks them whether the node's network works. It reads them as it does the beat period.
	AnnotationPeers = GroupName + "/peers"

	// AnnotationNextBeat on a heartbeat Lease is the agent's promise: the next beat comes within this Go duration.
	// Listeners judge silence by the last promise heard, on their own clock.
	AnnotationNextBeat = GroupName + "/next-beat"

	// AnnotationBootID on a heartbeat Lease is the kernel's boot ID, so that a reboot is told from a pause.
	AnnotationBootID = GroupName + "/boot-id"

	// AnnotationSequence on a heartbeat Lease is the sequence of the agent status this beat vouches for.
	// A fault in status.agent is fresh only while beats with its sequence arrive.
	AnnotationSequence = GroupName + "/sequence"

	// AnnotationPhase on a heartbeat Lease is an AgentPhase.
	AnnotationPhase = GroupName + "/phase"

	// AnnotationAgentAddress on a heartbeat Lease is the host:port of the agent's health server, which the controller
	// dials when the node falls silent. Empty when the agent serves on loopback only.
	AnnotationAgentAddress = GroupName + "/agent-address"

	// LabelManagedBy marks objects the controller created, value ManagedByController.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// ManagedByController is the value of LabelManagedBy.
	ManagedByController = "bulkhead-controller"

	// LabelHeartbeat on a Lease tells node heartbeats (HeartbeatNode) from the controllers' own pulse (HeartbeatController).
	LabelHeartbeat = GroupName + "/heartbeat"
	// HeartbeatNode is the LabelHeartbeat value of a node's beat.
	HeartbeatNode = "node"
	// HeartbeatController is the LabelHeartbeat value of a controller's pulse, by which it proves that its own view is fresh.
	HeartbeatController = "controller"

	// HeartbeatNamespace holds one Lease per node, and nothing else but the controllers' pulses.
	HeartbeatNamespace = "bulkhead-heartbeats"
	// SystemNamespace is where Bulkhead is installed by default.
	SystemNamespace = "bulkhead-system"

	// LedgerName is the name of the one IsolationLedger.
	LedgerName = "cluster"
	// DefaultPolicyName is the NodeIsolationPolicy the controller creates; it sets the cluster's budgets.
	DefaultPolicyName = "default"
)

// AgentPhase is what an agent says about itself in every beat.
type AgentPhase string

// Phases of an agent.
const (
	// PhaseRunning: the agent expects to send the next beat it promises.
	PhaseRunning AgentPhase = "Running"
	// PhaseLeaving: the agent or its machine is shutting down on purpose. Believed for LeavingBelieved.
	PhaseLeaving AgentPhase = "Leaving"
)
