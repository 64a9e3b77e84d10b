// Package dial asks nodes whether they live, by greeting their kubelet's and their agent's port.
//
//	what a dial met               what it says
//	a process answered            the node lives, and this port can be reached from here
//	refused                       the node lives
//	nothing, or no route          nothing, unless this port answered in the last 10 min: a firewall is no proof
//	a connection, and no answer   the same: the kernel of a frozen machine still completes handshakes
//
// Guarantees: a round ends within its timeout; at most maxRounds are under way; a node has one round at a time.
//
// A Dialer also connects to every healthy node about every 3 min, so that its silence will mean something.
package dial
