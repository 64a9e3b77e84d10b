package v1alpha1

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apiext "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

const crds = "../../charts/bulkhead/templates/crds/"

func TestPercent_IsRoundedDownAndAtLeastOne(t *testing.T) {
	for _, tc := range []struct {
		percent Percent
		of      int
		want    int
	}{{20, 3, 1}, {20, 5, 1}, {20, 10, 2}, {10, 19, 1}, {10, 20, 2}, {100, 7, 7}, {1, 0, 1}} {
		require.Equal(t, tc.want, tc.percent.Of(tc.of), "%d%% of %d", tc.percent, tc.of)
	}
}

func TestAction_SeverityOrdersTheRungs(t *testing.T) {
	rungs := []Action{"", ActionReport, ActionNoSchedule, ActionNoExecute}
	for i := 1; i < len(rungs); i++ {
		require.Greater(t, rungs[i].Severity(), rungs[i-1].Severity())
	}
	require.Zero(t, Action("Nonsense").Severity())
}

// Default and the CRD must say the same, or a policy would mean one thing before the API server and another after.
func TestDefault_AgreesWithTheCRD(t *testing.T) {
	raw, err := os.ReadFile(crds + "bulkhead.dev_nodeisolationpolicies.yaml")
	require.NoError(t, err)
	var crd apiext.CustomResourceDefinition
	require.NoError(t, yaml.UnmarshalStrict(raw, &crd))
	schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]

	var spec NodeIsolationPolicySpec
	spec.Default()
	raw, err = json.Marshal(spec)
	require.NoError(t, err)
	var ours map[string]any
	require.NoError(t, json.Unmarshal(raw, &ours))

	require.Equal(t, "Careful", defaultOf(t, schema.Properties["profile"]))
	require.Equal(t, true, defaultOf(t, schema.Properties["protectControlPlane"]))
	for _, group := range []string{"thresholds", "budget", "recovery"} {
		fields, ok := ours[group].(map[string]any)
		require.True(t, ok, group)
		for name, property := range schema.Properties[group].Properties {
			require.Contains(t, fields, name, "%s.%s has no default in Go", group, name)
			want, got := defaultOf(t, property), fields[name]
			if s, isText := want.(string); isText {
				require.Equal(t, duration(t, s), duration(t, got), "%s.%s", group, name)
				continue
			}
			require.EqualValues(t, want, got, "%s.%s", group, name)
		}
	}
}

func defaultOf(t *testing.T, p apiext.JSONSchemaProps) any {
	t.Helper()
	require.NotNil(t, p.Default, "%s has no default in the CRD", p.Description)
	var v any
	require.NoError(t, json.Unmarshal(p.Default.Raw, &v))
	return v
}

func duration(t *testing.T, v any) string {
	t.Helper()
	var d Duration
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &d))
	return d.String()
}

// Every Reason and Brake that is declared has a sentence in the catalogue, and nothing else is in it.
func TestCatalogue_HasEveryReasonAndBrakeOnce(t *testing.T) {
	declared := map[string]map[string]bool{"Reason": {}, "Brake": {}}
	file, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil {
			return true
		}
		kind, ok := spec.Type.(*ast.Ident)
		if !ok || declared[kind.Name] == nil {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		require.True(t, ok)
		declared[kind.Name][strings.Trim(literal.Value, `"`)] = true
		return true
	})
	for kind, catalogue := range map[string][]Entry{"Reason": Reasons, "Brake": Brakes} {
		listed := map[string]bool{}
		for _, e := range catalogue {
			require.False(t, listed[e.Name], "%s %s is listed twice", kind, e.Name)
			require.True(t, strings.HasSuffix(e.Sentence, "."), "%s %s: a sentence ends with a full stop", kind, e.Name)
			listed[e.Name] = true
		}
		require.Equal(t, declared[kind], listed, kind)
	}
}
