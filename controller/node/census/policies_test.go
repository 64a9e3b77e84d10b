package census

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

func TestBook_ADryRunThatWasAskedForHoldsBeforeThePolicyIsRead(t *testing.T) {
	require.True(t, newBook(v1alpha1.NodeIsolationPolicySpec{DryRun: true}).policy.Ladders[0].DryRun)
	require.False(t, newBook(v1alpha1.NodeIsolationPolicySpec{}).policy.Ladders[0].DryRun)
}
