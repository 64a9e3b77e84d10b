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
	// NeedCgroup is the host's /sys/fs/cgroup, read-only: a container's own shows the container alone.
	NeedCgroup Need = "/sys/fs/cgroup"
	// NeedNodefs is a volume on the kubelet's file system, to measure that: an empty one shows nobody's files.
	NeedNodefs Need = "nodefs"
	// NeedConfigz is the right to get nodes/configz, the kubelet's configuration.
	NeedConfigz Need = "nodes/configz"
	// NeedNetAdmin reads nftables, and the names of legacy iptables' tables.
	NeedNetAdmin Need = "NET_ADMIN"
	// NeedDACOverride connects to sockets that root does not own: that takes the right to write, which
	// DAC_READ_SEARCH does not give.
	NeedDACOverride Need = "DAC_OVERRIDE"
)
