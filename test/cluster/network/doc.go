// Package network lays the cables of the test cluster.
//
// A namespace called bulkhead-fabric holds the switch, a bridge. The control
// plane and every node have a namespace of their own with an eth0 that is
// plugged into it. Nothing is put into the machine's own namespace, and no
// packet leaves the machine: the default route ends at the control plane, which
// does not forward.
//
//	10.66.0.1          control plane
//	10.66.0.(10+i)     node i
//	10.200.i.0/24      pods of node i, routed without translation
//	10.96.0.0/16       services
package network
