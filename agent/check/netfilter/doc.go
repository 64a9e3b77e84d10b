// Package netfilter looks whether the packet filter rules that must be there are there: those of kube-proxy, which turn a
// service's address into a pod's, and those of calico, which let pods' packets through.
//
// It finds out by itself whose rules to expect, and never by a binary that is installed: an owner is one whose rules were
// seen here, or a kube-proxy that runs here. What was seen once by this agent must be there from then on. A node where
// neither was ever seen, like one of Cilium or OVN without kube-proxy, is not applicable.
//
// An owner's rules hang in the kernel at a few anchors: rules in the kernel's own chains that lead to the owner's, and
// chains of the owner that are never empty. They are looked at by name, so that a look costs the same with ten rules and
// with 50 000. The first row that fits decides, for each owner in each family and backend:
//
//	anchors                        others                                        conclusion
//	all held                       service kubernetes leads to an endpoint       healthy
//	all held                       kubernetes has no endpoint, and the owner     healthy: it refuses, as it was told to
//	                               says so
//	all held                       kubernetes led to an endpoint here before     NetfilterNoDestinations
//	all held                       no service leads anywhere, in any family      NetfilterNoDestinations, restarting if
//	                                                                             one never did or the owner is young
//	all held                       else                                          healthy
//	none held, known before        the owner's rules of another kind are whole   forgotten: it changed its mode
//	none held, known before        the owner's process is younger than 45 s, or  NetfilterEmpty, restarting
//	                               it says that its mode is another
//	none held, known before        else                                          NetfilterEmpty
//	some held, whole before        the same                                      NetfilterAnchorMissing, restarting
//	some held, whole before        else                                          NetfilterAnchorMissing
//	some held, never whole         else                                          NetfilterAnchorMissing, restarting
//	never seen                     kube-proxy runs here, or it is configured     NetfilterEmpty, restarting
//	never seen                     else                                          not applicable
//
// Restarting has the longest grace, 45 s: who starts has to hear from the API server before it writes, and iptables mode
// writes its anchors one by one. A kube-proxy that starts in another mode first takes away the rules of the old one, and
// writes its own when it has heard from the API server: on a quick cluster a second without any.
//
// The service kubernetes proves that there are ready endpoints without asking the cluster: every API server keeps itself
// in it. When the last one is stopped in good order it takes itself out, and kube-proxy then lists the service as one to
// refuse in the same transaction; that is no fault of this node. kube-proxy in IPVS mode has its destinations in IPVS:
// only its anchors are looked at.
//
// A transaction of nftables is atomic, and so is every commit of iptables-restore, so a look between two of them sees
// whole rules. A look reads several chains, though: it asks for the generation before and after, and if that moved a fault
// is not believed and the look begins anew, up to three times; then it could not tell. What is whole is believed at once.
// Two commits of the same rewrite, the tables filter and nat, are milliseconds apart, which 3 x 1 s forgives.
//
// When the generation has not moved and legacy tables have kept their shape, the last conclusion stands, for 30 s at most;
// one that was not healthy is never reused. Large legacy tables that change all the time are read less often: for a
// twentieth of the time, and at least every 3 s.
//
// # Testing against it
//
// The table above is TestJudge. The probe's doors are interfaces; rules_test.go has a ruleset in memory. Files with the
// build tag daemons write real rules into a network namespace of their own.
package netfilter
