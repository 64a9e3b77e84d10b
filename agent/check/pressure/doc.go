// Package pressure looks at what a node can run out of: disk, inodes, memory, process numbers, and the time that work
// waits for memory or disks. Four checks, so that a file system that hangs stops none but disk.
//
// The thresholds are the kubelet's own evictionHard, which it tells at /configz, so that we and the kubelet mean the same
// by "full". They are asked for at the first look, when the kubelet was restarted, and every ten minutes. What was
// learned stays when it cannot be asked again. Until it was asked once they are the kubelet's defaults, and a note says
// so; a shortage by a mere default waits a minute for a kubelet that does not answer, for its own threshold may be lower.
//
//	what we saw                                            we conclude
//	nodefs or imagefs: fewer bytes than the threshold      DiskPressure, ImageDiskPressure
//	nodefs or imagefs: fewer inodes than the threshold     InodePressure
//	a file system without a limit of inodes (btrfs)        nothing about its inodes
//	a path that is not there, a mount that is missing      could not tell
//	statfs does not come back                              could not tell (the runner's CheckOverdue)
//	memory below the threshold, as the kubelet counts it   MemoryPressure
//	the same by the kernel's MemAvailable                  MemoryPressure: kernel memory, which the kubelet does not count
//	much memory used outside of pods                       a note
//	tasks left below pid.available, or below ours          PIDPressure
//	tasks left in a control group of the node below ours   PIDLimit, which the kubelet never looks at
//	/sys/fs/cgroup not mounted                             pids could not tell; memory does without
//	all work waited for memory, much of the last 10 s      MemoryStall
//	all work waited for disks, nearly all of the last 60 s IOStall
//	some work waits for the CPU nearly always              a note
//	no /proc/pressure, or psi=0                            stall is not applicable
//	by a default, and the kubelet was not heard yet        could not tell, for a minute
//
// A shortage is over a tenth above its threshold (a stall: a quarter below its limit), and the checks stay Unhealthy for
// five minutes, the kubelet's own evictionPressureTransitionPeriod: its taints would outlast ours anyway.
//
// Messages hold coarse shares, because every new message is a write to the API.
package pressure
