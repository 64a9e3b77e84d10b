package controlplane

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

func TestFlags_EveryProgramHasSomeAndNoPlaceholderIsLeft(t *testing.T) {
	for _, program := range Programs {
		all, err := flags(program, valuesFor(state.Dir("/state")), []string{"--v=9"})
		require.NoError(t, err)
		require.Greater(t, len(all), 3)
		require.Equal(t, "--v=9", all[len(all)-1], "the user's come last, and win")
		for _, flag := range all {
			require.True(t, strings.HasPrefix(flag, "--"), flag)
			require.NotContains(t, flag, "{{")
		}
	}
	_, err := flags("nonsense", values{}, nil)
	require.Error(t, err)
}
