package cgroup

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const separate = `24 1 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
25 24 0:23 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
26 24 0:24 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
27 24 0:25 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,release_agent=/x,name=systemd
28 24 0:26 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
29 24 0:26 / /somewhere/else rw,relatime - cgroup2 cgroup2 rw
`

func TestParse(t *testing.T) {
	all := parse(separate)
	require.Equal(t, []Hierarchy{
		{Path: "/sys/fs/cgroup/cpu,cpuacct", Type: "cgroup", Options: "cpu,cpuacct"},
		{Path: "/sys/fs/cgroup/freezer", Type: "cgroup", Options: "freezer"},
		{Path: "/sys/fs/cgroup/systemd", Type: "cgroup", Options: "none,name=systemd"},
		{Path: "/sys/fs/cgroup/unified", Type: "cgroup2"},
	}, all)
	require.Equal(t, []string{"cpu", "cpuacct"}, all[0].Controllers())
	require.Equal(t, "systemd", all[2].Name())
	require.Empty(t, all[2].Controllers())
	require.Equal(t, "unified", all[3].Name())
	require.Equal(t, []string{"blkio", "cpuset", "devices", "memory", "pids"}, Missing(all))
}
