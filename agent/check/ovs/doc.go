// Package ovs looks at Open vSwitch: whether ovs-vswitchd and ovsdb-server answer, whether what is configured is carried
// out, and whether the kernel has the datapath that the bridges want.
//
// Each daemon is judged by package daemon: its unit, its process, and its answer. A daemon stopped by SIGSTOP is still in
// ps, and the other one still answers: only its own control socket tells.
//
//	what we saw                                                we conclude
//	ovs-vswitchd tells its version on its control socket       it is well
//	ovsdb-server answers a query on db.sock, and tells its
//	  version on its control socket                            it is well
//	db.sock answers and the control socket does not            OVSDBNotAnswering
//	silence, refusal, no socket, no process                    see package daemon
//	cur_cfg is less than next_cfg, and did not move for
//	  stuckAfter                                               OVSConfigStuck
//	a bridge wants the kernel's datapath, ovs-vswitchd is
//	  well, and the kernel knows datapaths and has none        OVSDatapathMissing
//	the kernel does not know datapaths: no module              nothing; but OVSDatapathMissing if it knew one before
//	something answers that does not speak their protocols      could not tell
//	no unit, no process, no answer, never seen                 not applicable
//
// The process is the one systemd names, or else the one whose PID is in the PID file, as the daemon sees itself: in a
// container that is not the host's number. It is never searched by name alone, because OVN's databases are
// ovsdb-servers too.
//
// A package that was installed and never started is not there: its units are static, so the unit that pulls them in,
// openvswitch-switch.service on Debian or openvswitch.service, must be enabled. What is left of a switch that was
// gone before this agent started, a PID file or a socket, says nothing: not applicable.
//
// Without ovs-vswitchd, as on a node that only keeps the database, configurations and datapaths are nobody's to judge.
package ovs
