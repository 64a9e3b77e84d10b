package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// IsolationLedger is the one object every isolation goes through: who leads, which permits are spent, what was decided
// and what is in force. It is called "cluster"; only the controller writes it, always by compare-and-swap on its
// resourceVersion. When it cannot be read or written, nothing is isolated.
//
// Times in it are for people, except until: see controller/node/protect/DESIGN.md for how an end is counted.
//
// +genclient
// +genclient:nonNamespaced
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=ledger,categories=bulkhead
// +kubebuilder:validation:XValidation:rule="self.metadata.name == 'cluster'",message="there is one ledger and its name is cluster"
// +kubebuilder:validation:XValidation:rule="self.epoch >= oldSelf.epoch",message="an epoch never decreases"
// +kubebuilder:printcolumn:name="Epoch",type=integer,JSONPath=`.epoch`
// +kubebuilder:printcolumn:name="Leader",type=string,JSONPath=`.leader`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type IsolationLedger struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// epoch grows by one with every new leader. A write by an older leader fails.
	// +kubebuilder:validation:Minimum=0
	Epoch int64 `json:"epoch"`
	// leader is the identity of the controller process that owns the epoch.
	// +optional
	Leader string `json:"leader,omitempty"`
	// issued counts the permits of this epoch, so that no permit ID is used twice.
	// +optional
	Issued int64 `json:"issued,omitempty"`
	// permits that are spent and whose window has not ended.
	// +listType=map
	// +listMapKey=id
	// +optional
	Permits []LedgerPermit `json:"permits,omitempty"`
	// intents that were decided and are not yet known to be done.
	// +listType=map
	// +listMapKey=permit
	// +optional
	Intents []LedgerIntent `json:"intents,omitempty"`
	// isolations in force, by us.
	// +listType=map
	// +listMapKey=uid
	// +optional
	Isolations []LedgerIsolation `json:"isolations,omitempty"`
	// history of isolations by node name and boot ID, kept 24 h, for nodes that keep coming back.
	// +listType=atomic
	// +optional
	History []LedgerHistory `json:"history,omitempty"`
}

// IsolationLedgerList is a list of IsolationLedger.
//
// +kubebuilder:object:root=true
type IsolationLedgerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []IsolationLedger `json:"items"`
}

// LedgerPermit is the right, once spent, to have isolated one node within a window.
type LedgerPermit struct {
	// id is "epoch.number".
	ID string `json:"id"`
	// node is the node's name, for people.
	Node string `json:"node"`
	// uid is the Node's UID.
	UID types.UID `json:"uid"`
	// zone is the node's failure domain when the permit was spent.
	// +optional
	Zone string `json:"zone,omitempty"`
	// reason is what it was spent for.
	Reason Reason `json:"reason"`
	// spent is when, by the API server's clock.
	Spent metav1.Time `json:"spent"`
	// until is the end of its window, by the API server's clock.
	Until metav1.Time `json:"until"`
	// cancelled: the isolation did not happen; the permit stays spent until the window ends.
	// +optional
	Cancelled bool `json:"cancelled,omitempty"`
	// byHand: a person's Isolate, which is counted but not paced.
	// +optional
	ByHand bool `json:"byHand,omitempty"`
}

// LedgerIntent is an isolation that was decided and is not yet known to be done.
type LedgerIntent struct {
	// permit is the ID of the one permit spent on it.
	Permit string `json:"permit"`
	// node is the node's name.
	Node string `json:"node"`
	// uid is the Node's UID: a new node under an old name is another node.
	UID types.UID `json:"uid"`
	// zone is the node's failure domain.
	// +optional
	Zone string `json:"zone,omitempty"`
	// bootID of the node when it was decided.
	// +optional
	BootID string `json:"bootID,omitempty"`
	// action is the rung.
	Action Action `json:"action"`
	// reason is the fault.
	Reason Reason `json:"reason"`
	// evidence identifies what the decision rested on; fresh evidence must match it before the intent is carried out.
	Evidence string `json:"evidence"`
	// epoch that recorded or adopted it. Only that epoch may carry it out.
	Epoch int64 `json:"epoch"`
	// recorded is when, for people.
	Recorded metav1.Time `json:"recorded"`
}

// LedgerIsolation is an isolation in force, or one a person took back within the window.
type LedgerIsolation struct {
	// uid is the Node's UID.
	UID types.UID `json:"uid"`
	// node is the node's name.
	Node string `json:"node"`
	// zone is the node's failure domain.
	// +optional
	Zone string `json:"zone,omitempty"`
	// bootID of the node when it was isolated.
	// +optional
	BootID string `json:"bootID,omitempty"`
	// action is the rung in force.
	Action Action `json:"action"`
	// reason is the fault.
	Reason Reason `json:"reason"`
	// permit is the ID of the permit spent on it; empty for NoSchedule, which spends none.
	// +optional
	Permit string `json:"permit,omitempty"`
	// since is when the taint was written, for people; of one that a person took back, when that was.
	Since metav1.Time `json:"since"`
	// releasing: the controller decided to take the taint back and has not yet seen it gone.
	// +optional
	Releasing bool `json:"releasing,omitempty"`
	// releasedByHandUntil: somebody else removed our taint; the node is not isolated again before this, by the API server's clock.
	// +optional
	ReleasedByHandUntil *metav1.Time `json:"releasedByHandUntil,omitempty"`
}

// LedgerHistory is one past isolation.
type LedgerHistory struct {
	// node is the node's name.
	Node string `json:"node"`
	// bootID of the node then.
	// +optional
	BootID string `json:"bootID,omitempty"`
	// at is when it was isolated, by the API server's clock.
	At metav1.Time `json:"at"`
}
