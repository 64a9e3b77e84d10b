// Package leasebeat carries heartbeats in coordination.k8s.io Leases, one per node, named after the node, in the
// namespace bulkhead-heartbeats: nothing to install, and the cluster's own etcd holds them.
//
//	who          verb             when
//	Keeper       create, patch    the controller, for a new Node, for a new beat period, and for other peers
//	Publisher    update           the agent, every beat; it creates and deletes nothing
//	Source       list, watch      the controllers, one watch for all nodes
//	Pulse        create, update,  a controller's own Lease, every 500 ms, which comes back through Source:
//	             delete           so it knows how fresh its view is
//
// A beat is an update with the resourceVersion of the answer to the beat before, so it needs no read. Its mark is the
// holder and a counter the holder keeps: it does not move when the controller writes the period or peers, nor stand still when
// the node's clock does. Any of the Lease's times is for people.
//
// Test against heartbeattest.Memory; this package's own tests run the conformance suite over HTTP.
package leasebeat
