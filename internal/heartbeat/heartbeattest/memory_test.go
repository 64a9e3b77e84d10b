package heartbeattest_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat/heartbeattest"
)

func TestMemory(t *testing.T) {
	heartbeattest.Run(t, func(*testing.T) heartbeattest.Transport { return &heartbeattest.Memory{} })
}

func TestMemory_CutAndPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := &heartbeattest.Memory{}
		require.NoError(t, memory.EnsureLease(t.Context(), "n1", "u"))
		heard := 0
		go func() { _ = memory.Source().Watch(t.Context(), func(heartbeat.Event) { heard++ }) }()
		synctest.Wait()
		publisher := memory.Publisher("n1")
		publish := func() error {
			_, err := publisher.Publish(t.Context(), heartbeat.Heartbeat{Node: "n1"})
			synctest.Wait()
			return err
		}
		require.NoError(t, publish())
		require.Equal(t, 2, heard, "the listing and a beat")
		memory.Cut("n1")
		require.ErrorIs(t, publish(), heartbeattest.ErrCut)
		memory.Mend("n1")
		memory.Pause()
		require.NoError(t, publish())
		require.Equal(t, 2, heard)
		memory.Resume()
		synctest.Wait()
		require.Equal(t, 3, heard)
	})
}
