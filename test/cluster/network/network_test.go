package network

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOurs_MatchesOnlyWhatWeMake(t *testing.T) {
	for name, want := range map[string]bool{
		FabricNamespace:       true,
		ControlPlaneNamespace: true,
		NodeNamespace("n10"):  true,
		"bulkhead-test":       false,
		"bulkhead-n1-old":     false,
		"mybulkhead-n1":       false,
	} {
		require.Equal(t, want, ours.MatchString(name), name)
	}
}

func TestPort_FitsALinkName(t *testing.T) {
	require.LessOrEqual(t, len(Port("n10")), 15)
}

func TestRules_NameTheNode(t *testing.T) {
	for _, name := range []string{"lossy.nft.tmpl", "half-cut.nft.tmpl"} {
		var out bytes.Buffer
		require.NoError(t, rules.ExecuteTemplate(&out, name, disturbance{Node: "n2", Port: Port("n2"), PerMille: 300}))
		require.Contains(t, out.String(), `"port-n2"`)
		require.NotContains(t, out.String(), "{{")
	}
}
