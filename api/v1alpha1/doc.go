// Package v1alpha1 is Bulkhead's API: the custom resources of group bulkhead.dev, the keys of its taint,
// labels and annotations, and the catalogue of reasons.
//
// It is the one package others may import. It depends on k8s.io/apimachinery and nothing else, so the agent,
// the controller, a kubectl plugin or another remediator can all use it without pulling in a client.
//
// Four kinds, each owned by one writer:
//
//	NodeHealth           what is known of one node; status.agent by its agent, the rest of status by the controller, spec by people
//	NodeIsolationPolicy  what people want done about it
//	ProtectionLock       a person holding isolations back, for a while and with a reason
//	IsolationLedger      what the controller remembers: who leads, which permits are spent, what was decided
//
// Heartbeats are no kind of ours: they travel in a coordination.k8s.io Lease.
//
// +kubebuilder:object:generate=true
// +groupName=bulkhead.dev
// +groupGoName=Bulkhead
package v1alpha1
