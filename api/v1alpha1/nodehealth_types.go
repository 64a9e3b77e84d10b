package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// NodeHealth is what Bulkhead knows of one node and does about it. The controller creates one per Node, under the
// node's name and owned by the Node, so it goes when the node goes.
//
// +genclient
// +genclient:nonNamespaced
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=nh,categories=bulkhead
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.reason`
// +kubebuilder:printcolumn:name="Heartbeat",type=string,JSONPath=`.status.lease.state`
// +kubebuilder:printcolumn:name="Isolated",type=string,JSONPath=`.status.isolation.action`
// +kubebuilder:printcolumn:name="Since",type=date,JSONPath=`.status.since`
// +kubebuilder:printcolumn:name="Failing",type=string,JSONPath=`.status.failing`,priority=1
// +kubebuilder:printcolumn:name="Withheld",type=string,JSONPath=`.status.isolation.withheld.summary`,priority=1
// +kubebuilder:printcolumn:name="Transport",type=string,JSONPath=`.status.lease.transport`,priority=1
// +kubebuilder:printcolumn:name="LastBeat",type=date,JSONPath=`.status.lease.lastBeat`,priority=1
// +kubebuilder:printcolumn:name="Agent",type=string,JSONPath=`.status.agent.version`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`,priority=1
type NodeHealth struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is a person's word about the node.
	// +optional
	Spec NodeHealthSpec `json:"spec,omitzero"`
	// status is what is known and done. status.agent is written by the node's agent, everything else by the controller.
	// +optional
	Status NodeHealthStatus `json:"status,omitzero"`
}

// NodeHealthList is a list of NodeHealth.
//
// +kubebuilder:object:root=true
type NodeHealthList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []NodeHealth `json:"items"`
}

// Intent is a person's word about a node; it stands until the person takes it back.
//
// +kubebuilder:validation:Enum=Auto;Isolate;Protect
type Intent string

// The intents.
const (
	// IntentAuto lets Bulkhead decide. The default.
	IntentAuto Intent = "Auto"
	// IntentIsolate asks for NoExecute now. It skips locks and pace, but neither the hard ceiling nor the last schedulable node.
	IntentIsolate Intent = "Isolate"
	// IntentProtect forbids every action on the node. An isolation already in force is released when the node is healthy, as usual.
	IntentProtect Intent = "Protect"
)

// NodeHealthSpec is a person's word about the node.
//
// +kubebuilder:validation:XValidation:rule="self.intent == 'Auto' || (has(self.reason) && size(self.reason) > 0)",message="say why: spec.reason is required when spec.intent is Isolate or Protect"
type NodeHealthSpec struct {
	// intent is Auto, Isolate or Protect. Default Auto.
	// +kubebuilder:default=Auto
	// +optional
	Intent Intent `json:"intent,omitempty"`
	// reason says why the intent is not Auto. Shown wherever the intent has an effect.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Reason string `json:"reason,omitempty"`
}

// NodeState is the verdict about a node, one word per row of the verdict table in controller/node/decision/doc.go.
//
// +kubebuilder:validation:Enum=Healthy;Unhealthy;Restarting;Unknown;Suspect;NodeDown;AgentDown;NodeCutOff;Blind;Unheard;Leaving
type NodeState string

// The verdicts.
const (
	// NodeHealthy: beats arrive and no check is failing.
	NodeHealthy NodeState = "Healthy"
	// NodeUnhealthy: beats arrive and vouch for at least one failing check.
	NodeUnhealthy NodeState = "Unhealthy"
	// NodeRestarting: a daemon is being restarted and is within its grace.
	NodeRestarting NodeState = "Restarting"
	// NodeUnknown: beats arrive, nothing fails, but at least one check cannot tell. Never isolates.
	NodeUnknown NodeState = "Unknown"
	// NodeSuspect: three promised beats were missed; others are being asked.
	NodeSuspect NodeState = "Suspect"
	// NodeDown: silent, and every witness that could testify found it silent too.
	NodeDown NodeState = "NodeDown"
	// NodeAgentDown: the agent is silent but the node answers.
	NodeAgentDown NodeState = "AgentDown"
	// NodeCutOff: peers reach the node, the control plane does not.
	NodeCutOff NodeState = "NodeCutOff"
	// NodeBlind: we cannot tell, because our own view is not to be trusted or too few other nodes are seen alive.
	NodeBlind NodeState = "Blind"
	// NodeUnheard: no agent has ever been heard under this Node's UID. Never suspect.
	NodeUnheard NodeState = "Unheard"
	// NodeLeaving: the node said that it is shutting down.
	NodeLeaving NodeState = "Leaving"
)

// NodeHealthStatus is what is known of the node and done about it.
type NodeHealthStatus struct {
	// agent is what the node's own agent says. Only that agent writes it.
	// +optional
	Agent *AgentStatus `json:"agent,omitempty"`

	// state is the verdict.
	// +optional
	State NodeState `json:"state,omitempty"`
	// reason is the headline cause of the verdict, from the catalogue in reasons.go.
	// +optional
	Reason Reason `json:"reason,omitempty"`
	// message says it in one sentence for people.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// since is when state last changed, by the controller's clock. For people; nothing is computed from it.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// failing lists the failing checks, comma separated, for the FAILING column.
	// +optional
	Failing string `json:"failing,omitempty"`

	// lease is what the controller hears of the node's heartbeat.
	// +optional
	Lease *LeaseStatus `json:"lease,omitempty"`
	// isolation is what is done, or withheld.
	// +optional
	Isolation *IsolationStatus `json:"isolation,omitempty"`

	// conditions: Heard (beats arrive), Healthy (the verdict), Isolated (our taint is on the node).
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Condition types of a NodeHealth.
const (
	ConditionHeard    = "Heard"
	ConditionHealthy  = "Healthy"
	ConditionIsolated = "Isolated"
)

// LeaseState is how far behind its promise a heartbeat is.
//
// +kubebuilder:validation:Enum=Fresh;Late;Lost
type LeaseState string

// Lease states.
const (
	// LeaseFresh: the promised beat is not yet due.
	LeaseFresh LeaseState = "Fresh"
	// LeaseLate: at least one promised beat was missed.
	LeaseLate LeaseState = "Late"
	// LeaseLost: three or more were missed.
	LeaseLost LeaseState = "Lost"
)

// LeaseStatus is the controller's slow copy of the heartbeat: written when its state changes, else every 30 s at most.
type LeaseStatus struct {
	// transport is how the beat travels: lease, nodehealth or etcd.
	// +kubebuilder:validation:Enum=lease;nodehealth;etcd
	Transport string `json:"transport"`
	// holder identifies the agent process that holds the lease.
	// +optional
	Holder string `json:"holder,omitempty"`
	// durationSeconds is three promised beats: how long the holder may be silent before it is suspect.
	// +optional
	DurationSeconds int32 `json:"durationSeconds,omitempty"`
	// state is Fresh, Late or Lost.
	State LeaseState `json:"state"`
	// lastBeat is when the controller last heard a beat, by its own clock. For people.
	// +optional
	LastBeat *metav1.MicroTime `json:"lastBeat,omitempty"`
	// missed counts promised beats that did not come.
	// +optional
	Missed int32 `json:"missed,omitempty"`
}

// IsolationStatus is what is done about the node, or withheld.
type IsolationStatus struct {
	// action is the rung in force: empty, NoSchedule or NoExecute.
	// +kubebuilder:validation:Enum="";NoSchedule;NoExecute
	// +optional
	Action Action `json:"action,omitempty"`
	// reason is why.
	// +optional
	Reason Reason `json:"reason,omitempty"`
	// since is when the taint was written, by the controller's clock.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// permit is the ledger permit spent on it, as "epoch.number".
	// +optional
	Permit string `json:"permit,omitempty"`
	// evicted counts the pods we asked to leave.
	// +optional
	Evicted int32 `json:"evicted,omitempty"`
	// staying lists pods that tolerate the taint and therefore stay, as namespace/name, at most 20.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Staying []string `json:"staying,omitempty"`
	// withheld is the action that would be taken were it not for a brake.
	// +optional
	Withheld *WithheldStatus `json:"withheld,omitempty"`
}

// WithheldStatus is an action that a brake holds back.
type WithheldStatus struct {
	// action is what would be done.
	Action Action `json:"action"`
	// reason is the fault it would be done for.
	Reason Reason `json:"reason"`
	// by lists the brakes that hold it, the most telling first.
	// +listType=atomic
	By []Brake `json:"by"`
	// message says why in one sentence.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// summary is "BRAKE until HH:MM:SS" for the WITHHELD column.
	// +optional
	Summary string `json:"summary,omitempty"`
	// until is the earliest moment at which the decision is taken afresh. Absent when only a change can free it.
	// +optional
	Until *metav1.Time `json:"until,omitempty"`
}

// AgentStatus is what the node's agent says about its node.
type AgentStatus struct {
	// sequence grows by one with every change of this status within one boot of the agent. Beats carry it.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	Sequence int64 `json:"sequence"`
	// bootID is the kernel's boot ID.
	// +kubebuilder:validation:MaxLength=64
	BootID string `json:"bootID"`
	// nodeUID is the UID of the Node the agent believes it runs on.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +optional
	NodeUID types.UID `json:"nodeUID,omitempty"`
	// version is the agent's version.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Version string `json:"version,omitempty"`
	// checks are the agent's beliefs, one per check that applies to this node.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Checks []CheckStatus `json:"checks,omitempty"`
}

// CheckState is what the agent believes about one subsystem.
//
// +kubebuilder:validation:Enum=Healthy;Failing;Unhealthy;Restarting;Unknown
type CheckState string

// Check states. A check that does not apply to a node is absent.
const (
	CheckHealthy CheckState = "Healthy"
	// CheckFailing: the last looks failed, too few of them yet for Unhealthy.
	CheckFailing    CheckState = "Failing"
	CheckUnhealthy  CheckState = "Unhealthy"
	CheckRestarting CheckState = "Restarting"
	CheckUnknown    CheckState = "Unknown"
)

// CheckStatus is the agent's belief about one subsystem, with its evidence.
type CheckStatus struct {
	// name of the check, for example kubelet or containerd.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`
	// state is the belief.
	State CheckState `json:"state"`
	// reason is the headline finding, from the catalogue.
	// +optional
	Reason Reason `json:"reason,omitempty"`
	// message is the evidence in one sentence.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Message string `json:"message,omitempty"`
	// since is when the state was entered, by the node's clock, in UTC. For people; nothing is computed from it. The API
	// server would keep times that no client of ours can decode, and one agent's would make all NodeHealths unreadable.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Format=date-time
	// +kubebuilder:validation:Pattern=`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z$`
	// +optional
	Since *metav1.MicroTime `json:"since,omitempty"`
	// confirmedFast says that an event told of the failure and that the looks of the next milliseconds all confirmed it.
	// A rule with confirm Fast acts on it while state is still Failing.
	// +optional
	ConfirmedFast bool `json:"confirmedFast,omitempty"`
	// explainedBy names a failing check this one depends on; such a failure is shown and not acted on.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	ExplainedBy string `json:"explainedBy,omitempty"`
}
