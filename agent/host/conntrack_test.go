package host_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
)

func TestConntrack(t *testing.T) {
	paths := hosttest.NewMachine(t)
	door := host.NewConntrack(paths)
	_, _, err := door.Room()
	require.ErrorIs(t, err, host.ErrNoConntrack)

	hosttest.Conntrack{Count: 250_000, Max: 262_144, Dropped: []uint64{3, 0x1f}}.Set(t, paths)
	count, limit, err := door.Room()
	require.NoError(t, err)
	require.EqualValues(t, 250_000, count)
	require.EqualValues(t, 262_144, limit)
	dropped, err := door.Dropped()
	require.NoError(t, err)
	require.EqualValues(t, 34, dropped, "of all CPUs")
}

func BenchmarkConntrackRoom(b *testing.B) {
	door := host.NewConntrack(host.Paths{})
	if _, _, err := door.Room(); err != nil {
		b.Skip(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = door.Room()
	}
}
