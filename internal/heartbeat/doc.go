// Package heartbeat carries "this node lives" from agents to controllers.
//
// Guarantees: a beat promises the next one, so a listener needs no configuration to know when it is missed; a listener
// measures silence on its own monotonic clock, from the moment it saw the mark change, and never subtracts a timestamp
// that another machine wrote; after a reconnection a source delivers a full listing first.
//
// Each transport is a package below: leasebeat (a coordination.k8s.io Lease per node, the default). All of them pass
// the conformance suite in heartbeattest, which also holds an in-memory transport for tests.
package heartbeat
