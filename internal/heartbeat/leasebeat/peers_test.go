package leasebeat_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat/leasebeat"
)

func TestPublisher_KeepsWhatTheControllerSaysOnTheLease(t *testing.T) {
	tr := newTransport(t)
	require.NoError(t, tr.EnsureLease(t.Context(), "n1", "u"))
	publisher := leasebeat.NewPublisher(tr.client, "n1")
	require.Equal(t, heartbeat.DefaultPeriod, publisher.Period())
	require.Empty(t, publisher.Peers())

	require.NoError(t, tr.SetPeers(t.Context(), "n1", "10.0.0.2:10298, [fd00::3]:10298,nonsense,10.0.0.4"))
	require.NoError(t, tr.SetPeriod(t.Context(), "n1", 3*time.Second))
	_, err := publisher.Publish(t.Context(), beat("a"))
	require.NoError(t, err)
	require.Equal(t, 3*time.Second, publisher.Period())
	require.Equal(t, []netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:10298"), netip.MustParseAddrPort("[fd00::3]:10298")}, publisher.Peers())

	event, err := tr.Look(t.Context(), "n1")
	require.NoError(t, err)
	require.Equal(t, "10.0.0.2:10298, [fd00::3]:10298,nonsense,10.0.0.4", event.Peers, "a beat leaves the peers as they were")
	require.Equal(t, "a", event.Beat.Holder)
}
