// Package runtime looks at the container runtime the kubelet uses, containerd or CRI-O: its unit, its process, and what
// it says of itself in the CRI call Status.
//
//	Status answered                  we conclude
//	RuntimeReady true                well; NetworkReady false is noted and is no fault of the runtime
//	RuntimeReady false               RuntimeNotReady
//	an error of its own              RuntimeNotReady: the kubelet gets no better answer
//	permission denied                could not tell
//	"unimplemented", never served    not applicable: a containerd for Docker, with its CRI plugin off
//	"unimplemented", served before   RuntimeNotReady
//	nothing, refused, no such socket see package daemon
//
// Which runtime it is: the configured endpoint, or else the one found on this node. Found is one whose socket exists or
// whose unit is known to systemd; of two, the one whose unit alone is active; of two active ones CRI-O, because it
// serves nobody but a kubelet while containerd also serves Docker. Of two inactive ones we cannot tell. The choice is
// kept for the life of the agent, so that a dead runtime stays the subject.
package runtime
