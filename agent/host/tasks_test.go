package host

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTasks_TheLowerLimitCounts(t *testing.T) {
	files := map[string]string{
		"/proc/loadavg":                "1.36 3.49 4.53 2/3518 3715089\n",
		"/proc/sys/kernel/pid_max":     "4194304\n",
		"/proc/sys/kernel/threads-max": "192730\n",
	}
	tasks, err := tree(t, files).Tasks()
	require.NoError(t, err)
	require.Equal(t, Tasks{Count: 3518, Limit: 192730}, tasks)
}

func TestTasks_OfThisMachine(t *testing.T) {
	tasks, err := Paths{}.Tasks()
	require.NoError(t, err)
	require.NotZero(t, tasks.Count)
	require.Greater(t, tasks.Limit, tasks.Count)
}

func FuzzParseTaskCount(f *testing.F) {
	f.Add([]byte("1.36 3.49 4.53 2/3518 3715089\n"))
	f.Add([]byte("/ / / / /"))
	f.Fuzz(func(_ *testing.T, raw []byte) { _, _ = parseTaskCount(raw) })
}
