// Package census hears everything a decision rests on and answers with a Snapshot.
//
//	what it hears                           what it notes
//	heartbeats                              our own clock when a node's mark changed
//	our own pulse, in the same watch        how fresh our view is
//	Nodes                                   zone, role, taints, marks of departure
//	NodeHealths                             what agents report, people's intents
//	Leases in kube-node-lease               our own clock when a kubelet's Lease changed
//	ProtectionLocks, NodeIsolationPolicies  which cover which node
//	dials                                   who answered, through Witnesses
//
// Guarantees: no time that another machine wrote is compared with ours, except the end of a lock, by protect.Ends; a
// node is Heard only by a lease made for its very UID; while our view is not fresh the snapshot says so, and afterwards
// every node has a fresh start; a lock whose selector cannot be read covers every node.
//
// A cache is never trusted for an act: Recheck reads again, from the API server itself, what an isolation rests on.
//
// Every controller runs a census, leader or not, so that a new leader knows at once what the old one knew.
package census
