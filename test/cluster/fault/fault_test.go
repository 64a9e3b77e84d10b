package fault

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

func TestVerbs_EveryUndoExistsAndNeedsNoMore(t *testing.T) {
	byName := map[string]Verb{}
	for _, verb := range Verbs {
		require.NotContains(t, byName, verb.Name)
		byName[verb.Name] = verb
	}
	for _, verb := range Verbs {
		if verb.Undo != "" {
			require.Contains(t, byName, verb.Undo)
			require.LessOrEqual(t, byName[verb.Undo].required(), verb.required())
		}
	}
}

func TestInject_ChecksTheNumberOfArguments(t *testing.T) {
	for _, tc := range []struct {
		form string
		args []string
	}{
		{"UNIT", nil},
		{"UNIT", []string{"a", "b"}},
		{"", []string{"a"}},
		{"[PERCENT]", []string{"1", "2"}},
	} {
		_, err := Verb{Name: "harm", Args: tc.form}.Inject(t.Context(), Target{Node: state.Node{Name: "n1"}, Args: tc.args})
		require.ErrorContains(t, err, "expected NODE")
	}
}

func TestPerMille(t *testing.T) {
	for percent, want := range map[string]int{"30": 300, "0.5": 5, "100": 1000} {
		got, err := perMille(percent)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, percent := range []string{"", "0", "-1", "101", "NaN", "many"} {
		_, err := perMille(percent)
		require.Error(t, err, percent)
	}
}

func TestFillSize(t *testing.T) {
	require.Equal(t, int64(90), fillSize(100, 90, 100))
	require.Equal(t, int64(70), fillSize(100, 90, 80))
	require.Equal(t, int64(-5), fillSize(100, 5, 90))
}
