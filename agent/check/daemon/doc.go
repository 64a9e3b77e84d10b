// Package daemon concludes from three independent witnesses whether a daemon is well: what systemd says of its unit,
// what the kernel says of its main process, and whether it answers on its socket. Each may not apply on its own: no
// systemd, a unit that is not found, a kubelet embedded in another program, a daemon without a socket.
//
// A Probe gathers, and concludes nothing; judge concludes, and touches nothing. The first row that fits decides:
//
//	unit           process    answer           conclusion
//	any            any        good             healthy: who answers well is well, whatever manages it
//	none           none       none             not applicable, if it was never seen by this agent
//	coming back    any        any              NotRunning, restarting
//	down           any        any              NotRunning
//	active         zombie     any              Zombie            \
//	active         gone       any              NotRunning         | restarting, if the unit was started since
//	active         any        error of its own its finding        | the last good look and within its grace
//	active         any        silent           NotAnswering       |
//	active         any        refused, absent  NotAnswering      /
//	active         any        could not ask    could not tell
//	active         any        not asked        healthy
//	not applicable zombie     any              Zombie
//	not applicable any        error of its own its finding
//	not applicable any        silent           NotAnswering
//	not applicable alive      refused, absent  NotAnswering
//	not applicable gone       refused, absent  NotRunning
//	not applicable gone       not asked        NotRunning
//	not applicable alive      not asked        healthy
//	could not tell            (as in "not applicable", but every finding is restarting with the longest grace: systemd
//	                          may be bringing it back and cannot be asked. With no other witness: could not tell. And
//	                          so for the first two looks in a row in which the daemon was silent too: that all are
//	                          slow at once says more of the machine, or of us, than of any of them)
//
// Coming back: activating, waiting for an automatic restart, or a start or restart job is queued; or deactivating and no
// stop was asked for, which is a crash whose end systemd is still waiting for. Down: failed, masked, inactive, or being
// stopped, and no such job. Not applicable: no systemd, or the unit is not found and does not run.
//
// Seen means: the unit existed, a process was found, or somebody answered, once since this agent started. What was seen
// and is gone altogether is NotRunning and not "not applicable". An optional daemon whose unit is inactive and that
// nobody enabled counts as not there until it has run.
//
// A grace is RestartSec + 20 s, at most 45 s. It covers a start from the moment the unit became active until the daemon
// first answers, for the kubelet's unit is active long before its healthz is up. A unit is taken to be started anew when
// its InvocationID is not that of the last good look.
//
// The main process is the one systemd names; only without that is it searched by name. A process in state T (stopped) is
// no finding by itself: the silence is, and the message says that it is stopped.
//
// # Testing against it
//
// The table above is TestJudge. hosttest has a systemd, sockets that accept and never answer, and process tables.
package daemon
