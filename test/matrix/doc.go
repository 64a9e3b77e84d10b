// Package matrix breaks every daemon and every part of a real node that an agent looks at, one way after the other, and
// asserts cell by cell what the agent says of it, after how long, and when it says that it is over.
//
//	make test-matrix                        all cells
//	make test-matrix ARGS='-run /n1/ovs'    some
//	make test-matrix ARGS=-results          write docs/results/matrix.md as well
//
// The nodes run what the checks look at: containerd, dockerd, Open vSwitch in userspace mode, BIRD 2 with a live BGP
// session between two nodes, kube-proxy in iptables mode on one node and in nftables mode on another, and Calico's chains
// as it writes them. CRI-O, felix and confd cannot be had here; standin says how they are stood in for. Agents are
// installed by the chart, so a cell also shows that the chart's privileges suffice. The policy is in dry run: what is
// measured is seeing, and a node that is isolated would disturb the next cell.
//
// A cell fails if the check is not lit, or as something else than expected; if it was lit before the harm; or if any
// other check is lit that does not depend on it, on any node.
package matrix
