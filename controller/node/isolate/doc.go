// Package isolate makes actions true: it taints nodes, takes our taint back, and empties isolated nodes.
//
//	pod on an isolated node                            what happens to it
//	tolerates our taint                                stays, and is listed
//	owned by a DaemonSet, static or mirror             left to Kubernetes: its taint-eviction ends those that do not tolerate
//	terminating, or ended                              nothing
//	anything else                                      evicted, at our own pace; PodDisruptionBudgets are heard until the
//	                                                   deadline, then it is deleted with its own grace
//
// Guarantees: applying what is already true changes nothing; a Node is patched only as it was read, by uid and
// resourceVersion; taints and cordons of others stay; pods are named by UID; nothing is deleted with grace 0.
//
// An Evictor empties the nodes it is told to keep empty, so a new leader resumes by telling its own.
package isolate
