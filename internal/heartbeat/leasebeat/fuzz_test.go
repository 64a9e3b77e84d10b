package leasebeat

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzParsePeers(f *testing.F) {
	f.Add("10.0.0.2:10298,[fd00::3]:10298")
	f.Add(",,:,[::1%lo]:1")
	f.Fuzz(func(t *testing.T, annotation string) {
		peers := parsePeers(annotation)
		require.LessOrEqual(t, len(peers), maxPeers)
		for _, peer := range peers {
			require.True(t, peer.IsValid())
		}
	})
}
