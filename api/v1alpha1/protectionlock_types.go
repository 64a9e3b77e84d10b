package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ProtectionLock is a person holding isolations back: for one node, for nodes that match a selector, or for the whole
// cluster, until a time. It never holds back a release, a report, or another person's explicit Isolate.
//
// A lock is open only if the controller can read that there is none: unreadable means locked.
//
// +genclient
// +genclient:nonNamespaced
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=plock,categories=bulkhead
// +kubebuilder:printcolumn:name="Scope",type=string,JSONPath=`.spec.scope`
// +kubebuilder:printcolumn:name="Node",type=string,JSONPath=`.spec.nodeName`
// +kubebuilder:printcolumn:name="Until",type=string,JSONPath=`.spec.until`
// +kubebuilder:printcolumn:name="Owner",type=string,JSONPath=`.spec.owner`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.spec.reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ProtectionLock struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says what is protected, why, by whom and until when.
	Spec ProtectionLockSpec `json:"spec"`
}

// ProtectionLockList is a list of ProtectionLock.
//
// +kubebuilder:object:root=true
type ProtectionLockList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ProtectionLock `json:"items"`
}

// LockScope is what a lock covers.
//
// +kubebuilder:validation:Enum=Cluster;Node;Selector
type LockScope string

// Lock scopes.
const (
	LockCluster  LockScope = "Cluster"
	LockNode     LockScope = "Node"
	LockSelector LockScope = "Selector"
)

// ProtectionLockSpec says what is protected, why, by whom and until when.
//
// +kubebuilder:validation:XValidation:rule="(self.scope == 'Node') == has(self.nodeName)",message="nodeName goes with scope Node, and only with it"
// +kubebuilder:validation:XValidation:rule="(self.scope == 'Selector') == has(self.nodeSelector)",message="nodeSelector goes with scope Selector, and only with it"
// +kubebuilder:validation:XValidation:rule="!has(self.nodeSelector) || (has(self.nodeSelector.matchLabels) && size(self.nodeSelector.matchLabels) > 0) || (has(self.nodeSelector.matchExpressions) && size(self.nodeSelector.matchExpressions) > 0)",message="an empty nodeSelector would match every node: use scope Cluster"
type ProtectionLockSpec struct {
	// scope is Cluster, Node or Selector.
	Scope LockScope `json:"scope"`
	// nodeName is the protected node, with scope Node.
	// +kubebuilder:validation:MinLength=1
	// +optional
	NodeName string `json:"nodeName,omitempty"`
	// nodeSelector selects the protected nodes, with scope Selector.
	// +optional
	NodeSelector *metav1.LabelSelector `json:"nodeSelector,omitempty"`
	// reason is why; shown with every action the lock withholds.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason"`
	// owner is who holds the lock.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Owner string `json:"owner"`
	// until is when the lock ends. A jump of any clock may end it late, never early. Without it the lock holds until it is deleted.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Format=date-time
	// +kubebuilder:validation:Pattern=`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`
	Until *metav1.Time `json:"until,omitempty"`
}
