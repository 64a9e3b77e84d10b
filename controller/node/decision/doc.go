// Package decision decides what to do about nodes. Decide is pure: a Snapshot, a Policy and the time in, a Plan out.
//
// The words, used the same way in code, API, metrics and documents:
//
//	silent    the beat a node promised did not come
//	suspect   it missed Thresholds.MissedBeats of them in a row; others are being asked
//	witness   somebody other than the agent who can say that a node lives: the node's ports, the kubelet's own Lease
//	blind     we cannot tell, and the fault may be ours
//	isolate   taint the node and, on the rung NoExecute, evict its pods
//	withhold  not to take an action because a brake holds; always visible
//	release   take our taint back
//	intent    an isolation written into the ledger and not yet known to be done
//	calm      nothing about a node demands NoSchedule or more, and every check that could is Healthy
//
// The verdicts about a node, first match wins:
//
//	verdict     what was seen                                                          default action
//	Unheard     no agent was ever heard under this Node's UID                          none
//	Leaving     its last beat said so, less than LeavingBelieved ago                   none
//	Blind       silent, and our own view is not fresh                                  none
//	AgentDown   silent, but the node answered a dial (refused counts), or its          Report
//	            kubelet renewed its Lease after the third missed beat
//	Suspect     silent; dials are under way, or the kubelet's own next renewal         none
//	            is not overdue yet
//	Blind       silent, but too few other nodes, or none, were heard since it fell     none
//	            silent
//	NodeDown    silent, and so is every witness                                        NoExecute
//	Unhealthy   heard, and a check is failing that no other failure explains; one      by check
//	            that is only confirmed fast counts where the policy says so
//	Restarting  heard, and a daemon is being restarted within its grace                Report
//	Unknown     heard, and a check cannot tell, or no report came for ReportedWithin   none
//	Healthy     heard, and nothing is wrong                                            none
//
// NodeCutOff needs peers as witnesses, which this version does not ask.
//
// Guarantees: equal arguments give equal plans, whatever the order of the nodes; Unknown never isolates; nothing is
// isolated while the gate is closed; releases never ask the gate; NextCheck lies ahead of now.
//
// To test against it, build a Snapshot by hand, or write a transcript for test/scenario.
package decision
