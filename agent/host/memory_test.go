package host

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const meminfo = `MemTotal:       24684084 kB
MemFree:         2069992 kB
MemAvailable:   23735596 kB
Buffers:          712312 kB
Cached:         19929780 kB
SwapCached:           10 kB
Active:         10882028 kB
Inactive:        9946300 kB
Active(file):   10880460 kB
Inactive(file):  9752612 kB
AnonPages:        203876 kB
HugePages_Total:       0
`

func TestParseMemory_WorkingSetIsTheKubelets(t *testing.T) {
	m, err := parseMemory([]byte(meminfo))
	require.NoError(t, err)
	require.Equal(t, uint64(24684084)<<10, m.Total)
	require.Equal(t, uint64(23735596)<<10, m.Available)
	require.Equal(t, uint64(203876+19929780+712312+10-9752612)<<10, m.WorkingSet())
	require.Zero(t, Memory{Files: 1, InactiveFile: 2}.WorkingSet(), "read at two moments")
}

func TestParseMemory_SaysWhatIsWrong(t *testing.T) {
	for name, raw := range map[string]string{
		"empty": "", "half": meminfo[:200], "words": "MemTotal: many kB\n", "a huge number": "MemTotal: 99999999999999999999 kB\n",
	} {
		_, err := parseMemory([]byte(raw))
		require.ErrorContains(t, err, "parsing meminfo", name)
	}
}

// The kubelet reads the root control group. That must be what we read much cheaper.
func TestMemory_IsThatOfTheRealRootGroup(t *testing.T) {
	var real Paths
	groups := NewControlGroups(real)
	nested, err := groups.IsNested()
	if err != nil || nested || groups.isUnified() {
		t.Log("this machine shows no real root of version 1, whose usage can be compared")
		return
	}
	m, err := real.Memory()
	require.NoError(t, err)
	set, err := groups.WorkingSet("/")
	require.NoError(t, err)
	require.InDelta(t, float64(set), float64(m.WorkingSet()), float64(m.Total)/50)
}

func FuzzParseMemory(f *testing.F) {
	f.Add([]byte(meminfo))
	f.Add([]byte("MemTotal:\n:::\nAnonPages: -1 kB"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseMemory(raw)
		if err == nil {
			require.NotZero(t, m.Total)
			require.LessOrEqual(t, m.WorkingSet(), m.Anonymous+m.Files)
		}
	})
}

func BenchmarkMemory(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (Paths{}).Memory(); err != nil {
			b.Fatal(err)
		}
	}
}
