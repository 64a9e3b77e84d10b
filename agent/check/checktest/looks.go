package checktest

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/agent/check"
)

// Looks times looks that find nothing, each with as much time as the runner gives it.
func Looks(b *testing.B, p check.Probe) {
	b.Helper()
	b.ReportAllocs()
	began := ownCPU()
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), 800*time.Millisecond)
		if findings, err := p.Probe(ctx); err != nil || len(findings) > 0 {
			b.Fatal(findings, err)
		}
		cancel()
	}
	b.ReportMetric(float64((ownCPU()-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// ownCPU is what this process has used, without the daemons that it asks.
func ownCPU() time.Duration {
	var used unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
