package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NodeIsolationPolicy says what is done about faulty nodes, how many, how fast and for how long.
//
// The policy called "default" is created by the controller. It sets the budgets, thresholds and recovery of the
// cluster, and the ladder of every node no other policy selects. Other policies select nodes and replace the ladder
// for them: their profile, rules, dryRun and protectControlPlane count, the rest is the default policy's.
//
// +genclient
// +genclient:nonNamespaced
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=nip,categories=bulkhead
// +kubebuilder:printcolumn:name="Profile",type=string,JSONPath=`.spec.profile`
// +kubebuilder:printcolumn:name="DryRun",type=boolean,JSONPath=`.spec.dryRun`
// +kubebuilder:printcolumn:name="Nodes",type=integer,JSONPath=`.status.nodes`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Window",type=string,JSONPath=`.spec.budget.window`,priority=1
// +kubebuilder:printcolumn:name="MaxIsolated",type=integer,JSONPath=`.spec.budget.maxIsolatedPercent`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="(self.metadata.name == 'default') == !has(self.spec.nodeSelector)",message="the policy called default applies to all nodes and has no nodeSelector; every other policy needs one"
type NodeIsolationPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what people want.
	// +optional
	Spec NodeIsolationPolicySpec `json:"spec,omitzero"`
	// status says whether the policy is in force and for how many nodes.
	// +optional
	Status NodeIsolationPolicyStatus `json:"status,omitzero"`
}

// NodeIsolationPolicyList is a list of NodeIsolationPolicy.
//
// +kubebuilder:object:root=true
type NodeIsolationPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []NodeIsolationPolicy `json:"items"`
}

// Profile is a named set of default rules.
//
// +kubebuilder:validation:Enum=Careful;Seed
type Profile string

// Profiles.
const (
	// ProfileCareful isolates for the kubelet, the runtime it uses and a node proven down; everything else is at most
	// NoSchedule. The default.
	ProfileCareful Profile = "Careful"
	// ProfileSeed restores the behaviour of the source documents: every failing check and an agent's death isolate.
	ProfileSeed Profile = "Seed"
)

// Confirm says when a failing check is believed.
//
// +kubebuilder:validation:Enum=Polled;Fast
type Confirm string

// Confirmations.
const (
	// ConfirmPolled believes a failure after the check's failAfter looks, one interval apart: 3 x 1 s. The default.
	ConfirmPolled Confirm = "Polled"
	// ConfirmFast also believes a failure that the kernel or the daemon told of, and that every look of the next
	// milliseconds confirmed. A daemon that is being restarted is never among them: Restarting comes first.
	ConfirmFast Confirm = "Fast"
)

// NodeIsolationPolicySpec is what people want.
type NodeIsolationPolicySpec struct {
	// nodeSelector selects the nodes this policy is for. Absent only in the policy called default.
	// +kubebuilder:validation:XValidation:rule="(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)",message="an empty selector would match every node; that is what the policy called default is for"
	// +optional
	NodeSelector *metav1.LabelSelector `json:"nodeSelector,omitempty"`
	// profile is the set of default rules that spec.rules refine. Default Careful.
	// +kubebuilder:default=Careful
	// +optional
	Profile Profile `json:"profile,omitempty"`
	// confirm says when a failing check is believed. Default Polled, the rule of the source documents; Fast acts within
	// milliseconds on what the kernel can tell.
	// +kubebuilder:default=Polled
	// +optional
	Confirm Confirm `json:"confirm,omitempty"`
	// dryRun shows what would be done and does nothing. Default false.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`
	// protectControlPlane leaves nodes labelled node-role.kubernetes.io/control-plane alone. Default true, because
	// a control plane that isolates itself cannot release anything.
	// +kubebuilder:default=true
	// +optional
	ProtectControlPlane *bool `json:"protectControlPlane,omitempty"`
	// rules refine the profile. A check, reason or verdict named in any rule here is judged by these rules alone;
	// when several match, the strongest action counts.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Rules []Rule `json:"rules,omitempty"`
	// thresholds say when silence, a storm or a correlation begins. Read from the default policy only.
	// +optional
	Thresholds Thresholds `json:"thresholds,omitzero"`
	// budget bounds isolations. Read from the default policy only.
	// +optional
	Budget Budget `json:"budget,omitzero"`
	// recovery says when a node is released. Read from the default policy only.
	// +optional
	Recovery Recovery `json:"recovery,omitzero"`
}

// Match says how the terms of a rule are combined.
//
// +kubebuilder:validation:Enum=Any;All;AtLeast
type Match string

// Matches.
const (
	MatchAny     Match = "Any"
	MatchAll     Match = "All"
	MatchAtLeast Match = "AtLeast"
)

// Rule maps a combination of faults to a rung.
//
// +kubebuilder:validation:XValidation:rule="(self.match == 'AtLeast') == has(self.atLeast)",message="atLeast goes with match AtLeast, and only with it"
// +kubebuilder:validation:XValidation:rule="!has(self.atLeast) || self.atLeast <= size(self.terms)",message="atLeast is larger than the number of terms: the rule could never match"
type Rule struct {
	// name of the rule, shown with what it decides.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// match is Any, All or AtLeast. Default Any.
	// +kubebuilder:default=Any
	// +optional
	Match Match `json:"match,omitempty"`
	// atLeast is how many terms must hold, with match AtLeast.
	// +kubebuilder:validation:Minimum=1
	// +optional
	AtLeast *int32 `json:"atLeast,omitempty"`
	// terms are what is looked for.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Terms []Term `json:"terms"`
	// confirm says when the rule believes a failing check. Default that of the policy.
	// +optional
	Confirm Confirm `json:"confirm,omitempty"`
	// action is what is done when the rule matches.
	Action Action `json:"action"`
}

// Term is one thing a rule looks for. Exactly one field is set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.check), has(self.reason), has(self.verdict)].exists_one(x, x)",message="set exactly one of check, reason and verdict"
type Term struct {
	// check is a check that is Unhealthy, for example kubelet.
	// +kubebuilder:validation:MinLength=1
	// +optional
	Check string `json:"check,omitempty"`
	// reason is the headline reason of a check that is Unhealthy.
	// +kubebuilder:validation:MinLength=1
	// +optional
	Reason Reason `json:"reason,omitempty"`
	// verdict is a verdict about a silent node.
	// +kubebuilder:validation:Enum=NodeDown;AgentDown;NodeCutOff
	// +optional
	Verdict NodeState `json:"verdict,omitempty"`
}

// Thresholds say when silence, a storm or a correlation begins.
type Thresholds struct {
	// missedBeats is how many promised beats must be missed before a node is suspect. Default 3: at a beat every
	// second three in a row may be lost to a retransmission or a leader change; below 3 a single lost packet would do.
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=3
	// +kubebuilder:validation:Maximum=60
	// +optional
	MissedBeats int32 `json:"missedBeats,omitempty"`
	// stormPercent: more suspects than this share of the cluster, and at least two, close the lock. Default 20: with
	// ten nodes two suspects are still believed, the third is not.
	// +kubebuilder:default=20
	// +optional
	StormPercent Percent `json:"stormPercent,omitempty"`
	// stormZonePercent: the same for one zone of at least three nodes. Default 50.
	// +kubebuilder:default=50
	// +optional
	StormZonePercent Percent `json:"stormZonePercent,omitempty"`
	// correlationPercent: the same check newly failing on more than this share of the nodes that have it, and on at
	// least two, within correlationWindow, closes the lock: the cause is outside the nodes. Default 5.
	// +kubebuilder:default=5
	// +optional
	CorrelationPercent Percent `json:"correlationPercent,omitempty"`
	// correlationWindow is how far back failures are counted as one event. Default 10m, the spread of a staged rollout's first wave.
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	CorrelationWindow *Duration `json:"correlationWindow,omitempty"`
	// alivePercent of the other nodes must have been heard after the suspect fell silent before its silence is judged. Default 66.
	// +kubebuilder:default=66
	// +kubebuilder:validation:Minimum=50
	// +optional
	AlivePercent Percent `json:"alivePercent,omitempty"`
}

// Budget bounds isolations. A permit lasts for the window.
//
// +kubebuilder:validation:XValidation:rule="!has(self.window) || duration(self.window) >= duration('30s')",message="a window below 30s is shorter than three of the slowest heartbeats (10s): use at least 30s"
// +kubebuilder:validation:XValidation:rule="!has(self.maxIsolatedPercent) || self.maxIsolatedPercent <= 50",message="more than half of the nodes are never isolated: maxIsolatedPercent is at most 50"
type Budget struct {
	// window is how long a permit stays spent. Default 30m, the protection time of the source document (30 to 60 minutes).
	// +kubebuilder:default="30m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	Window *Duration `json:"window,omitempty"`
	// maxIsolatedPercent is how many nodes of the cluster, and of each zone, may be isolated at once and within the
	// window. Default 10, at least one node.
	// +kubebuilder:default=10
	// +optional
	MaxIsolatedPercent Percent `json:"maxIsolatedPercent,omitempty"`
	// maxUnavailablePercent bounds ours + NotReady + cordoned together. Default 20, at least one node.
	// +kubebuilder:default=20
	// +optional
	MaxUnavailablePercent Percent `json:"maxUnavailablePercent,omitempty"`
	// pace is the least time between two isolations for reported faults in one zone. Default 10s, so that a fault
	// which spreads is seen as correlated before a second node goes.
	// +kubebuilder:default="10s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	Pace *Duration `json:"pace,omitempty"`
	// paceNodeDown is the least time between two isolations of nodes proven down. Default 1s.
	// +kubebuilder:default="1s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	PaceNodeDown *Duration `json:"paceNodeDown,omitempty"`
}

// Recovery says when a node is released.
type Recovery struct {
	// healthyFor is how long a node must be healthy before our taint is removed. Default 60s. It doubles with every
	// isolation of the same node within 24 h.
	// +kubebuilder:default="60s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	HealthyFor *Duration `json:"healthyFor,omitempty"`
	// maxHold bounds the doubled wait. Default 1h.
	// +kubebuilder:default="1h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	MaxHold *Duration `json:"maxHold,omitempty"`
	// evictionDeadline is how long pods may be held by their PodDisruptionBudgets before they are deleted with their
	// normal grace. Default 30s: the taint itself already ignores budgets.
	// +kubebuilder:default="30s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +optional
	EvictionDeadline *Duration `json:"evictionDeadline,omitempty"`
}

// NodeIsolationPolicyStatus says whether the policy is in force.
type NodeIsolationPolicyStatus struct {
	// nodes is how many nodes the policy decides for.
	// +optional
	Nodes int32 `json:"nodes,omitempty"`
	// conditions: Accepted is False with a reason and a sentence when the policy cannot be used; the last good one stays in force.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ConditionAccepted on a NodeIsolationPolicy says whether it is in force.
const ConditionAccepted = "Accepted"
