package process

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

func TestProbe(t *testing.T) {
	paths := hosttest.NewMachine(t)
	hosttest.Process{PID: 5, Name: "bird"}.Add(t, paths)
	probe := New("bird", host.Open(paths))
	findings, err := probe.Probe(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings)

	hosttest.Process{PID: 5, Name: "bird", State: 'Z'}.Add(t, paths)
	findings, err = probe.Probe(t.Context())
	require.NoError(t, err)
	require.Equal(t, v1alpha1.ReasonProcessZombie, findings[0].Reason)

	hosttest.Reap(t, paths, 5)
	findings, err = probe.Probe(t.Context())
	require.NoError(t, err)
	require.Equal(t, v1alpha1.ReasonProcessMissing, findings[0].Reason)
}

func TestProbe_OneThatWasNeverThereIsMissingToo(t *testing.T) {
	findings, err := New("bird", host.Open(hosttest.NewMachine(t))).Probe(t.Context())
	require.NoError(t, err)
	require.Equal(t, v1alpha1.ReasonProcessMissing, findings[0].Reason)
}
