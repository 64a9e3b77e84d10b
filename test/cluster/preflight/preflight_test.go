package preflight

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMissingCapabilities(t *testing.T) {
	missing, err := missingCapabilities("Name:\tx\nCapEff:\t000001fffeffffff\n")
	require.NoError(t, err)
	require.Empty(t, missing, "CAP_SYS_RESOURCE is not needed")

	missing, err = missingCapabilities("CapEff:\t00000000a80425fb\n") // root of an ordinary container
	require.NoError(t, err)
	require.Equal(t, []string{"CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE"}, missing)

	_, err = missingCapabilities("nothing")
	require.Error(t, err)
}

func TestAvailableMiB(t *testing.T) {
	got, err := availableMiB("MemTotal: 1 kB\nMemAvailable:   2097152 kB\n")
	require.NoError(t, err)
	require.Equal(t, 2048, got)
	_, err = availableMiB("MemTotal: 1 kB\n")
	require.Error(t, err)
}
