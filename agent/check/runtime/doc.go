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
// Which runtime it is: the configured endpoint, or else the one that the kubelet of this node uses. The kubelet is who
// listens on port 10250, or, where we may not see whose sockets these are, the main process of its unit, or the process of
// its name. It may be part of another program: k3s, MicroK8s, any that listens there. What it uses:
//
//	its command line                 we conclude
//	--container-runtime-endpoint     that
//	--config, --config-dir           containerRuntimeEndpoint there, the last of them
//	neither says anything            the kubelet's default; without any of these flags that is a guess
//	k3s, which hides its flags       container-runtime-endpoint of its configuration file, or, as a guess, its own
//	kubelite, with a file of flags   as the flags in it say
//	a runtime we do not know         could not tell: it must be configured
//	a guess that has no socket, or   what is there, see below
//	 a file we cannot read
//
// A kubelet is read once in its life, and looked for again every minute, or every ten seconds while there is none: one that
// is installed or restarted with another runtime later is followed. While it is down, what it used stays the subject.
//
// Without a kubelet, what is there counts: a runtime whose socket exists or whose unit is known to systemd; of two, the one
// whose unit alone is active; of two active ones CRI-O, because it serves nobody but a kubelet while containerd also serves
// Docker. Of two inactive ones we cannot tell. It is given up only for another that runs while it left neither socket nor
// active unit, at two looks a minute apart: a dead runtime stays the subject.
package runtime
