package check

// A Need is a privilege that a probe uses. The chart grants the sum of them and nothing more; a test compares the two.
type Need string

// Needs. Those in capitals are Linux capabilities.
const (
	// NeedHostPID shows the host's processes.
	NeedHostPID Need = "hostPID"
	// NeedHostNetwork reaches what listens on the host's loopback, and the host's own links, routes and rules.
	NeedHostNetwork Need = "hostNetwork"
	// NeedRun is the host's /run: sockets of daemons.
	NeedRun Need = "/run"
	// NeedProc is the host's /proc, where the kernel shows things per mount.
	NeedProc Need = "/proc"
	// NeedNetAdmin reads nftables, and the names of legacy iptables' tables.
	NeedNetAdmin Need = "NET_ADMIN"
	// NeedDACReadSearch reads files and connects to sockets that root does not own.
	NeedDACReadSearch Need = "DAC_READ_SEARCH"
	// NeedSysPtrace reads what /proc shows of other users' processes.
	NeedSysPtrace Need = "SYS_PTRACE"
	// NeedSysResource registers pressure triggers.
	NeedSysResource Need = "SYS_RESOURCE"
	// NeedSyslog reads /dev/kmsg.
	NeedSyslog Need = "SYSLOG"
)
