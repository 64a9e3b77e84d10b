// Package network looks at the node's network, from the inside outwards: its links, its default route, the room for
// tracked connections, its name servers, its way to the API server and to other nodes' agents. Each is a check of its
// own, with a probe that gathers and a pure judge.
//
//	check      we saw                                                        we conclude
//	link       a link is set down, has no carrier, or is not up              LinkDown
//	           a link that was watched is no longer there                    LinkDown
//	           its carrier changed six times within a minute                 LinkFlapping
//	           no link carries a default route or our address, nor ever did  not applicable
//	route      no default route in the family of our address, which had one  NoDefaultRoute
//	           none in the other family, which had one                       a note
//	           there never was any                                           not applicable
//	conntrack  95 % of the table in use, or packets dropped                  ConntrackFull
//	           no such table in this kernel                                  not applicable
//	dns        no server sends anything back                                 DNSFailing
//	           some send nothing                                             a note
//	           no server is known, or none ever answered                     not applicable, unless they are configured
//	apiserver  it answered something of late                                 healthy, and nothing is dialed
//	           quiet, and no known address accepts a connection              APIServerUnreachable
//	           quiet, and one accepts                                        a note: slow or frozen, and not our network
//	           the agent runs without a cluster                              not applicable
//	peers      two thirds of three or more cannot be reached                 PeersUnreachable
//	           two thirds of three or more are slow to connect to            LinkSlow
//	           fewer are: they are at fault and not we                       healthy
//	           fewer than three ever answered                                a note: it says nothing
//	           none was ever named                                           not applicable
//
// An answer of the kernel or of another machine is an observation; one we could not ask for (no file descriptor, no
// permission) is an error. A peer that refuses is reached: its kernel answers. One that connects and says nothing is
// frozen and counts as neither reached nor lost. Only peers that answered this agent once count at all: a firewall
// between nodes is no fault.
//
// What was seen once and is gone is a fault of links and routes. A table of connections that is gone is not: its module
// was unloaded, and the check can tell no more.
//
// Interfaces are found by what they do: they carry a default route, or the node's address as the API server sees it.
// One stays watched until another took over what it did. Equal-cost paths are watched all of them.
//
// # Testing against it
//
// The judges' tables are the specification. The tests behind the tag daemons run in network namespaces of their own,
// with veth pairs, and need root.
package network
