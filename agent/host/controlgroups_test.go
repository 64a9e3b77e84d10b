package host

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// tree is a machine with these files.
func tree(t *testing.T, files map[string]string) Paths {
	t.Helper()
	paths := Paths{Root: t.TempDir()}
	for file, content := range files {
		path := paths.At(file)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return paths
}

func TestControlGroups_OfVersion2(t *testing.T) {
	g := NewControlGroups(tree(t, map[string]string{
		"/sys/fs/cgroup/cgroup.controllers":                 "memory pids\n",
		"/sys/fs/cgroup/memory.stat":                        "anon 5\ninactive_file 3\n",
		"/sys/fs/cgroup/kubepods.slice/pids.max":            "4096\n",
		"/sys/fs/cgroup/kubepods.slice/pids.current":        "17\n",
		"/sys/fs/cgroup/kubepods.slice/memory.current":      "1000\n",
		"/sys/fs/cgroup/kubepods.slice/memory.stat":         "anon 5\ninactive_file 300\n",
		"/sys/fs/cgroup/system.slice/pids.max":              "max\n",
		"/sys/fs/cgroup/system.slice/kubelet.service/other": "",
	}))
	require.NoError(t, g.Mounted())
	nested, err := g.IsNested()
	require.NoError(t, err)
	require.False(t, nested)

	limit, limited, err := g.TaskLimit("/kubepods.slice")
	require.NoError(t, err)
	require.True(t, limited)
	require.Equal(t, uint64(4096), limit)
	tasks, err := g.Tasks("/kubepods.slice")
	require.NoError(t, err)
	require.Equal(t, uint64(17), tasks)
	_, limited, err = g.TaskLimit("/system.slice")
	require.NoError(t, err)
	require.False(t, limited, "max")
	_, _, err = g.TaskLimit("/system.slice/kubelet.service")
	require.ErrorIs(t, err, ErrNoGroup)

	set, err := g.WorkingSet("/kubepods.slice")
	require.NoError(t, err)
	require.Equal(t, uint64(700), set)
	_, err = g.WorkingSet("/")
	require.ErrorIs(t, err, ErrNoGroup, "the real root counts nothing")
}

func TestControlGroups_OfVersion1(t *testing.T) {
	files := map[string]string{
		"/sys/fs/cgroup/memory/release_agent":                  "",
		"/sys/fs/cgroup/memory/memory.usage_in_bytes":          "100\n",
		"/sys/fs/cgroup/memory/memory.stat":                    "inactive_file 1\ntotal_inactive_file 40\n",
		"/sys/fs/cgroup/pids/kubepods/pids.current":            "17\n",
		"/sys/fs/cgroup/memory/kubepods/memory.usage_in_bytes": "1000\n",
	}
	g := NewControlGroups(tree(t, files))
	nested, err := g.IsNested()
	require.NoError(t, err)
	require.False(t, nested)
	set, err := g.WorkingSet("/")
	require.NoError(t, err)
	require.Equal(t, uint64(60), set)
	tasks, err := g.Tasks("/kubepods")
	require.NoError(t, err)
	require.Equal(t, uint64(17), tasks)
	used, err := g.MemoryUsed("/kubepods")
	require.NoError(t, err)
	require.Equal(t, uint64(1000), used)
}

func TestControlGroups_KnowANestedRoot(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"version 1": {"/sys/fs/cgroup/memory/memory.usage_in_bytes": "1\n"},
		"version 2": {"/sys/fs/cgroup/cgroup.controllers": "", "/sys/fs/cgroup/memory.current": "1\n"},
	} {
		nested, err := NewControlGroups(tree(t, files)).IsNested()
		require.NoError(t, err)
		require.True(t, nested, name)
	}
}

func TestControlGroups_SayThatTheyAreNotMounted(t *testing.T) {
	require.ErrorContains(t, NewControlGroups(Paths{Root: t.TempDir()}).Mounted(), "is the host's /sys/fs/cgroup mounted?")
	empty := Paths{Root: t.TempDir()}
	require.NoError(t, os.MkdirAll(empty.At("/sys/fs/cgroup"), 0o755))
	require.ErrorContains(t, NewControlGroups(empty).Mounted(), "is empty")
}

func TestReadLimit_SaysWhatIsWrong(t *testing.T) {
	paths := tree(t, map[string]string{"/word": "many\n", "/long": string(make([]byte, 100))})
	_, _, err := readLimit(paths.At("/word"))
	require.ErrorContains(t, err, "reading")
	_, _, err = readLimit(paths.At("/long"))
	require.ErrorContains(t, err, "longer than 32 bytes")
}
