//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// The specification of what the API server accepts: a spec (or, for a ledger, a whole object), and what a refusal says.
var rules = []struct {
	name    string
	kind    string // resource
	object  string // its name
	body    string
	refused string // "" is accepted
}{
	{"the default policy", "nodeisolationpolicies", "default", `spec: {}`, ""},
	{"another policy", "nodeisolationpolicies", "gpu", `spec: {nodeSelector: {matchLabels: {gpu: "yes"}}}`, ""},
	{"a policy called default with a selector", "nodeisolationpolicies", "default",
		`spec: {nodeSelector: {matchLabels: {gpu: "yes"}}}`, "applies to all nodes and has no nodeSelector"},
	{"another policy without a selector", "nodeisolationpolicies", "gpu", `spec: {}`, "every other policy needs one"},
	{"an empty selector", "nodeisolationpolicies", "gpu", `spec: {nodeSelector: {}}`, "an empty selector would match every node"},
	{"a profile nobody knows", "nodeisolationpolicies", "default", `spec: {profile: Bold}`, `Unsupported value: "Bold"`},
	{"every setting", "nodeisolationpolicies", "default", `
spec:
  profile: Seed
  dryRun: true
  protectControlPlane: false
  rules:
  - {name: one, terms: [{check: disk}], action: NoSchedule}
  - {name: two, match: All, terms: [{check: ovs}, {reason: RuntimeNotReady}], action: NoExecute}
  - {name: three, match: AtLeast, atLeast: 2, terms: [{check: a}, {check: b}, {verdict: AgentDown}], action: NoExecute}
  thresholds: {missedBeats: 5, stormPercent: 30, stormZonePercent: 60, correlationPercent: 10, correlationWindow: 5m, alivePercent: 80}
  budget: {window: 45m, maxIsolatedPercent: 20, maxUnavailablePercent: 30, pace: 20s, paceNodeDown: 2s}
  recovery: {healthyFor: 2m, maxHold: 30m, evictionDeadline: 1m}`, ""},
	{"atLeast without AtLeast", "nodeisolationpolicies", "default",
		`spec: {rules: [{name: one, atLeast: 1, terms: [{check: a}], action: Report}]}`, "atLeast goes with match AtLeast, and only with it"},
	{"AtLeast without atLeast", "nodeisolationpolicies", "default",
		`spec: {rules: [{name: one, match: AtLeast, terms: [{check: a}], action: Report}]}`, "atLeast goes with match AtLeast, and only with it"},
	{"atLeast beyond the terms", "nodeisolationpolicies", "default",
		`spec: {rules: [{name: one, match: AtLeast, atLeast: 2, terms: [{check: a}], action: Report}]}`, "the rule could never match"},
	{"a term that says nothing", "nodeisolationpolicies", "default",
		`spec: {rules: [{name: one, terms: [{}], action: Report}]}`, "set exactly one of check, reason and verdict"},
	{"a term that says two things", "nodeisolationpolicies", "default",
		`spec: {rules: [{name: one, terms: [{check: a, verdict: NodeDown}], action: Report}]}`, "set exactly one of check, reason and verdict"},
	{"a rung that is not built", "nodeisolationpolicies", "default",
		`spec: {rules: [{name: one, terms: [{check: a}], action: OutOfService}]}`, `Unsupported value: "OutOfService"`},
	{"a threshold of 0", "nodeisolationpolicies", "default", `spec: {thresholds: {missedBeats: 0}}`, "should be greater than or equal to 3"},
	{"a percentage of 0", "nodeisolationpolicies", "default", `spec: {budget: {maxIsolatedPercent: 0}}`, "should be greater than or equal to 1"},
	{"a window shorter than the heartbeat", "nodeisolationpolicies", "default", `spec: {budget: {window: 5s}}`,
		"a window below 30s is shorter than three of the slowest heartbeats (10s): use at least 30s"},
	{"the shortest window", "nodeisolationpolicies", "default", `spec: {budget: {window: 30s}}`, ""},
	{"more than half", "nodeisolationpolicies", "default", `spec: {budget: {maxIsolatedPercent: 51}}`, "more than half of the nodes are never isolated"},
	{"a duration without a unit", "nodeisolationpolicies", "default", `spec: {recovery: {healthyFor: "60"}}`, "spec.recovery.healthyFor in body should match"},
	{"a duration in days", "nodeisolationpolicies", "default", `spec: {budget: {window: 1 day}}`, "spec.budget.window in body should match"},

	{"a NodeHealth", "nodehealths", "n1", `spec: {}`, ""},
	{"an Isolate with its reason", "nodehealths", "n1", `spec: {intent: Isolate, reason: smells burnt}`, ""},
	{"an Isolate without a reason", "nodehealths", "n1", `spec: {intent: Isolate}`, "say why: spec.reason is required"},
	{"a Protect with an empty reason", "nodehealths", "n1", `spec: {intent: Protect, reason: ""}`, "say why: spec.reason is required"},

	{"a lock of the cluster", "protectionlocks", "l", `spec: {scope: Cluster, reason: r, owner: o}`, ""},
	{"a lock of a node", "protectionlocks", "l", `spec: {scope: Node, nodeName: n1, reason: r, owner: o, until: "2030-01-01T00:00:00Z"}`, ""},
	{"a lock of some nodes", "protectionlocks", "l", `spec: {scope: Selector, nodeSelector: {matchLabels: {a: b}}, reason: r, owner: o}`, ""},
	{"a lock until noon in Delhi", "protectionlocks", "l", `spec: {scope: Cluster, reason: r, owner: o, until: "2030-01-01T12:00:00+05:30"}`, ""},
	{"a lock until a time that Go cannot read", "protectionlocks", "l", `spec: {scope: Cluster, reason: r, owner: o, until: "2030-01-01t00:00:00z"}`, "spec.until in body should match"},
	{"a lock of a node without a name", "protectionlocks", "l", `spec: {scope: Node, reason: r, owner: o}`, "nodeName goes with scope Node, and only with it"},
	{"a lock of the cluster with a name", "protectionlocks", "l", `spec: {scope: Cluster, nodeName: n1, reason: r, owner: o}`, "nodeName goes with scope Node, and only with it"},
	{"a selector lock without one", "protectionlocks", "l", `spec: {scope: Selector, reason: r, owner: o}`, "nodeSelector goes with scope Selector, and only with it"},
	{"a selector lock of everything", "protectionlocks", "l", `spec: {scope: Selector, nodeSelector: {}, reason: r, owner: o}`, "an empty nodeSelector would match every node: use scope Cluster"},
	{"a lock without an owner", "protectionlocks", "l", `spec: {scope: Cluster, reason: r}`, "spec.owner: Required value"},

	{"the ledger", "isolationledgers", "cluster", `epoch: 1`, ""},
	{"another ledger", "isolationledgers", "other", `epoch: 1`, "there is one ledger and its name is cluster"},
}

func resource(name string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: v1alpha1.GroupName, Version: "v1alpha1", Resource: name}
}

var kinds = map[string]string{
	"nodeisolationpolicies": "NodeIsolationPolicy", "nodehealths": "NodeHealth",
	"protectionlocks": "ProtectionLock", "isolationledgers": "IsolationLedger",
}

func TestCRDs_RefuseWhatMakesNoSense(t *testing.T) {
	for _, rule := range rules {
		t.Run(strings.ReplaceAll(rule.kind+": "+rule.name, " ", "_"), func(t *testing.T) {
			o := unstructured.Unstructured{}
			require.NoError(t, yaml.Unmarshal([]byte(rule.body), &o.Object))
			o.SetAPIVersion(v1alpha1.GroupName + "/v1alpha1")
			o.SetKind(kinds[rule.kind])
			o.SetName(rule.object)
			_, err := anything.Resource(resource(rule.kind)).Create(t.Context(), &o,
				metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
			if rule.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, rule.refused)
		})
	}
}

func TestLedger_TheAPIServerRefusesAnEpochThatDecreases(t *testing.T) {
	ledgers := bulkhead.BulkheadV1alpha1().IsolationLedgers()
	emptyLedger(t)
	stored, err := ledgers.Create(t.Context(), &v1alpha1.IsolationLedger{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.LedgerName}, Epoch: 3}, metav1.CreateOptions{})
	require.NoError(t, err)
	stored.Epoch = 2
	_, err = ledgers.Update(t.Context(), stored, metav1.UpdateOptions{})
	require.ErrorContains(t, err, "an epoch never decreases")
}

// One NodeHealth that no client of ours could decode would make a list of all of them fail.
func TestAgentStatus_WhatIsStoredCanBeRead(t *testing.T) {
	healths := bulkhead.BulkheadV1alpha1().NodeHealths()
	_, err := healths.Create(t.Context(), &v1alpha1.NodeHealth{ObjectMeta: metav1.ObjectMeta{Name: "odd"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = healths.Delete(context.WithoutCancel(t.Context()), "odd", metav1.DeleteOptions{}) })
	say := func(agent string) error {
		_, err := anything.Resource(resource("nodehealths")).Patch(t.Context(), "odd", types.MergePatchType,
			[]byte(`{"status":{"agent":`+agent+`}}`), metav1.PatchOptions{}, "status")
		return err
	}
	check := func(since string) string {
		return `{"sequence":1,"bootID":"b","checks":[{"name":"a","state":"Healthy","since":"` + since + `"}]}`
	}
	now, err := json.Marshal(metav1.NowMicro())
	require.NoError(t, err)
	require.NoError(t, say(check(strings.Trim(string(now), `"`))), "as an agent writes it")
	for name, agent := range map[string]string{
		"a time without microseconds": check("2026-11-22T07:00:00Z"),
		"a time in small letters":     check("2026-11-22t07:00:00.000000z"),
		"a time of another zone":      check("2026-11-22T07:00:00.000000+99:99"),
		"the 30th of February":        check("2026-02-30T07:00:00.000000Z"),
		"an hour of no day":           check("2026-11-22T25:61:61.000000Z"),
		"a number beyond 64 bits":     `{"sequence":10000000000000000000,"bootID":"b"}`,
		"a number beyond 53 bits":     `{"sequence":9007199254740993,"bootID":"b"}`,
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			require.Error(t, say(agent))
			_, err := healths.List(t.Context(), metav1.ListOptions{})
			require.NoError(t, err, "one object makes all of them unreadable")
		})
	}
}
