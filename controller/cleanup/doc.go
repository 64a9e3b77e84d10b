// Package cleanup takes back everything Bulkhead has put into a cluster, so that an uninstall leaves no taint behind.
// It is `bulkhead-controller cleanup`, which the chart runs as a Job before `helm uninstall` removes anything.
//
// In this order, because a controller that still ran would put back what was taken:
//
//  1. a ProtectionLock over the cluster: from then on at most the one patch already in flight lands
//  2. the controllers' Deployment to 0 replicas, and a wait for their pods to end; a pod that cannot end, because its
//     node is dead, is waited for until Options.Patience and then named
//  3. the NodeHealths, and with them people's Isolate, which would pass the lock
//  4. our taints, by their record on the Node, until a fresh listing shows none
//  5. the ledger, the heartbeat Leases and the leader's Lease
//  6. the lock, unless a controller's pod is left
//
// Guarantees: it may be repeated, and goes on where an earlier run stopped; taints and cordons of other owners stay, our
// key without our record included; what does not exist, a CRD for instance, is nothing left to do.
//
// To test against it, give it the fake clientsets.
package cleanup
