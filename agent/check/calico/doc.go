// Package calico looks at Calico's daemons on this node: felix, which writes routes and rules; bird and bird6, which
// exchange routes with the other nodes; and confd, which writes their configuration. Each is judged for itself by package
// daemon: its process and its answer.
//
//	what we saw                                                we conclude
//	felix: /liveness answered with 200 to 399                  well
//	felix: /liveness answered with 500 to 599                  CalicoFelixUnhealthy
//	felix: /liveness answered otherwise                        could not tell: somebody else listens there
//	felix: refused, and it never answered this agent           its process alone speaks: health reports may be off
//	bird: at least one BGP peer Established, or no peer at all well
//	bird: peers, none Established, younger than startUp or
//	  waiting for them after a graceful restart                well
//	bird: peers, none Established                              CalicoNoPeerEstablished
//	confd: a process                                           well
//	silence, refusal, no socket, no process, zombie            see package daemon
//	a daemon never seen by this agent                          not applicable: VXLAN and eBPF do without bird and confd,
//	                                                           and BIRD 3 does without bird6
//	no folder of Calico's below /run                           not applicable; nothing is searched or asked
//
// Peers are counted as Calico's own readiness does: the BGP protocols that confd writes, named Mesh_, Node_ and Global_,
// and one of them is enough, so that the death of other nodes is not this one's. One that a person switched off does not
// count.
//
// The daemons run in one container, calico-node, below a supervisor that starts each again within a second. So:
//
//	gone, and its supervisor is there                          its finding: the supervisor could not bring it back
//	gone, and its supervisor with it, or it was the
//	  container's first process                                restarting, 45 s: the pod is being replaced
//	younger than startUp, and never well since its start       restarting: it is coming up
//	gone, while felix was started anew since, is well and has
//	  had 10 s: bird6 while bird is well; bird and confd
//	  together                                                 not applicable any more: the new pod does without it
//
// A process counts when it has the name and the argument that Calico gives it, and either is the host's or has the
// host's network; see host.Search.
package calico
