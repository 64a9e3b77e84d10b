package host

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const pressureFile = "some avg10=0.49 avg60=0.56 avg300=0.53 total=66858847\nfull avg10=12.05 avg60=100.00 avg300=0.24 total=17024658\n"

func TestParseStalls(t *testing.T) {
	s, err := parseStalls([]byte(pressureFile))
	require.NoError(t, err)
	require.Equal(t, Stalls{Some: Stall{Avg10: 0.49, Avg60: 0.56}, Full: Stall{Avg10: 12.05, Avg60: 100}}, s)
	s, err = parseStalls([]byte("some avg10=1.00 avg60=2.00 avg300=3.00 total=4\n"))
	require.NoError(t, err, "the cpu of an older kernel")
	require.Equal(t, Stalls{Some: Stall{Avg10: 1, Avg60: 2}}, s)
	for _, raw := range []string{"", "full avg10=1 avg60=1", "some avg10=1", "some avg10=x avg60=1", "some avg10=NaN avg60=1", "some avg10=-1 avg60=1", "some avg10=1e9 avg60=1"} {
		_, err := parseStalls([]byte(raw))
		require.ErrorContains(t, err, "parsing pressure", raw)
	}
}

func TestStalls_OfAKernelWithoutThemAreNone(t *testing.T) {
	_, err := Paths{Root: t.TempDir()}.Stalls("memory")
	require.ErrorIs(t, err, ErrNoPressure)
}

func TestStallChanges_LeavesAFileInTheKernelsPlaceAlone(t *testing.T) {
	paths := Paths{Root: t.TempDir()}
	file := paths.At("/proc/pressure/memory")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(pressureFile), 0o644))
	err := paths.StallChanges(t.Context(), Trigger{Resource: "memory", Percent: 40}, func() { t.Error("told") })
	require.ErrorIs(t, err, ErrNoTrigger)
	require.ErrorContains(t, err, "is not the kernel's")
	left, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, pressureFile, string(left))
}

func TestStallChanges_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var told atomic.Int32
	err := Paths{}.StallChanges(ctx, Trigger{Resource: "memory", Percent: 100}, func() { told.Add(1) })
	if os.Getuid() != 0 {
		return // older kernels let only root set a trigger
	}
	require.ErrorIs(t, err, context.DeadlineExceeded, "this kernel takes the triggers")
	require.LessOrEqual(t, told.Load(), int32(1), "at the start")
}

func FuzzParseStalls(f *testing.F) {
	f.Add([]byte(pressureFile))
	f.Add([]byte("some avg10=0x1p-2 avg60=+Inf\nfull =\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := parseStalls(raw)
		if err != nil {
			return
		}
		for _, share := range []float64{s.Some.Avg10, s.Some.Avg60, s.Full.Avg10, s.Full.Avg60} {
			require.GreaterOrEqual(t, share, 0.0)
			require.LessOrEqual(t, share, 101.0)
		}
	})
}

func BenchmarkStalls(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (Paths{}).Stalls("memory"); err != nil {
			b.Skip(err)
		}
	}
}
