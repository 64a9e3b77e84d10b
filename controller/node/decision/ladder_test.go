package decision

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

func TestLadder_RulesReplaceTheProfileForWhatTheyName(t *testing.T) {
	two := int32(2)
	failing := func(checks ...string) (out []fault) {
		for _, c := range checks {
			out = append(out, fault{check: c, reason: v1alpha1.Reason("R" + c)})
		}
		return out
	}
	check := func(names ...string) (out []v1alpha1.Term) {
		for _, n := range names {
			out = append(out, v1alpha1.Term{Check: n})
		}
		return out
	}
	for _, tc := range []struct {
		name    string
		profile v1alpha1.Profile
		rules   []v1alpha1.Rule
		faults  []fault
		want    v1alpha1.Action
	}{
		{"careful: the kubelet isolates", v1alpha1.ProfileCareful, nil, failing("kubelet"), v1alpha1.ActionNoExecute},
		{"careful: docker is reported", v1alpha1.ProfileCareful, nil, failing("docker"), v1alpha1.ActionReport},
		{"seed: docker isolates", v1alpha1.ProfileSeed, nil, failing("docker"), v1alpha1.ActionNoExecute},
		{"seed: an agent's death isolates", v1alpha1.ProfileSeed, nil, []fault{{verdict: v1alpha1.NodeAgentDown}}, v1alpha1.ActionNoExecute},
		{"careful: it does not", v1alpha1.ProfileCareful, nil, []fault{{verdict: v1alpha1.NodeAgentDown}}, v1alpha1.ActionReport},
		{"any", "", []v1alpha1.Rule{{Terms: check("a", "docker"), Action: v1alpha1.ActionNoSchedule}}, failing("docker"), v1alpha1.ActionNoSchedule},
		{"all, one missing: the rule is silent and so is the profile", "", []v1alpha1.Rule{{Match: v1alpha1.MatchAll, Terms: check("kubelet", "docker"), Action: v1alpha1.ActionNoExecute}}, failing("kubelet"), ""},
		{"all", "", []v1alpha1.Rule{{Match: v1alpha1.MatchAll, Terms: check("kubelet", "docker"), Action: v1alpha1.ActionNoExecute}}, failing("docker", "kubelet"), v1alpha1.ActionNoExecute},
		{"two of three", "", []v1alpha1.Rule{{Match: v1alpha1.MatchAtLeast, AtLeast: &two, Terms: check("a", "b", "c"), Action: v1alpha1.ActionNoExecute}}, failing("a", "c"), v1alpha1.ActionNoExecute},
		{"one of three", "", []v1alpha1.Rule{{Match: v1alpha1.MatchAtLeast, AtLeast: &two, Terms: check("a", "b", "c"), Action: v1alpha1.ActionNoExecute}}, failing("c"), ""},
		{"the strongest rule counts", "", []v1alpha1.Rule{{Terms: check("a"), Action: v1alpha1.ActionReport}, {Terms: check("a"), Action: v1alpha1.ActionNoSchedule}}, failing("a"), v1alpha1.ActionNoSchedule},
		{"by reason", "", []v1alpha1.Rule{{Terms: []v1alpha1.Term{{Reason: "Ra"}}, Action: v1alpha1.ActionNoSchedule}}, failing("a"), v1alpha1.ActionNoSchedule},
		{"by verdict", "", []v1alpha1.Rule{{Terms: []v1alpha1.Term{{Verdict: v1alpha1.NodeDown}}, Action: v1alpha1.ActionReport}}, []fault{{verdict: v1alpha1.NodeDown}}, v1alpha1.ActionReport},
		{"what no rule names stays with the profile", "", []v1alpha1.Rule{{Terms: check("kubelet"), Action: v1alpha1.ActionReport}}, failing("containerd", "kubelet"), v1alpha1.ActionNoExecute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Ladder{Profile: tc.profile, Rules: tc.rules}.demandOf(tc.faults)
			require.Equal(t, tc.want, got.action)
		})
	}
}

func TestLadder_TheStrongestActionACheckCanLeadTo(t *testing.T) {
	l := Ladder{Rules: []v1alpha1.Rule{{Terms: []v1alpha1.Term{{Check: "docker"}}, Action: v1alpha1.ActionNoSchedule}, {Terms: []v1alpha1.Term{{Check: "kubelet"}}, Action: v1alpha1.ActionReport}}}
	require.Equal(t, v1alpha1.ActionNoSchedule, l.strongest("docker"))
	require.Equal(t, v1alpha1.ActionReport, l.strongest("kubelet"))
	require.Equal(t, v1alpha1.ActionNoExecute, l.strongest("containerd"))
}
