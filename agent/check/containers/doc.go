// Package containers looks at the containers of the runtime the kubelet uses: those that should run and do not.
//
// A container that exits is its pod's business: the kubelet starts it again, and one that crashes in a loop says nothing
// of the node. It is told in Pods and never in a look. A look tells of what several pods show at once and the runtime or
// its shims must answer for. What is counted are pods, at least MinPods (3) of them:
//
//	what we saw                                               we conclude
//	running for StableAfter (10m) or longer, and then exited  ContainersLost, once LostAfter (30s) has passed and
//	 within LostWithin (10s) of one another; more than         nothing at all was started on the node since
//	 LostPercent (50) of those that ran
//	Created, for StuckAfter (2m)                              ContainersNotStarting
//	Running in a sandbox that is not ready, for StuckAfter    ContainersOrphaned
//	Unknown: the runtime lost its process, for StuckAfter     ContainersUnknown
//	Running, and its process is gone or a zombie, for         ContainersGone: its shim does not answer for it
//	 StuckAfter
//	the runtime serves no CRI                                 not applicable
//	the lists cannot be had                                   could not tell
//
// and beside the table:
//
//   - A container that another of the same name replaced counts for nothing, nor does one whose sandbox is stopping or
//     unknown: that is a deleted or evicted pod, a finished job, a drained node.
//   - StableAfter is what makes a crash loop harmless. The kubelet waits up to 5 minutes before it starts a crashed
//     container again, and all pods of a broken application wait in step; but one that ran for 10 minutes it starts at
//     once. Half a minute without any start is then odd.
//   - Exits are known from events to the millisecond. Without events they are known to the period of reconciling.
//   - Processes are sampled, a few at each reconciling, and only a process that was once seen alive can be gone.
//   - Not told: one container alone. A runtime that does not answer is the check of the runtime.
//
// # Events and lists
//
// Truth is the list: containers and sandboxes, every ReconcileEvery (10s) and after the events broke off. In between,
// events move single containers. A look judges memory and makes no call, but for one in ten. An event that is lost costs
// one period. Memory is bounded by MaxContainers; beyond it the rest of the list is not looked at, and a note says so.
//
// For containerd its own event stream is used and not the CRI's GetContainerEvents, on the same socket. containerd 2
// waits for every reader of GetContainerEvents before it creates or starts the next container: an agent that is stopped
// would stop the node. containerd 1.7 gives each event to one reader only, and would take the kubelet's. For other
// runtimes it is GetContainerEvents. Configuration can choose.
//
// # Testing against it
//
// hosttest.CRI is a runtime on a real socket whose containers a test starts and ends. TestJudge is the table.
package containers
