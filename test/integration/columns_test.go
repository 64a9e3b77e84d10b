//go:build integration

package integration

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// shown is one node of each kind a person will meet, with the longest words the columns have to hold.
func shown(now time.Time) map[string]v1alpha1.NodeHealthStatus {
	ago := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: now.Add(-d)} }
	lease := func(s v1alpha1.LeaseState) *v1alpha1.LeaseStatus {
		return &v1alpha1.LeaseStatus{Transport: "lease", State: s, LastBeat: &metav1.MicroTime{Time: now.Add(-49 * time.Hour)}}
	}
	agent := &v1alpha1.AgentStatus{Version: "v0.1.0", BootID: "b"}
	return map[string]v1alpha1.NodeHealthStatus{
		"n1": {State: v1alpha1.NodeHealthy, Lease: lease(v1alpha1.LeaseFresh), Since: ago(26 * time.Hour), Agent: agent},
		"n2": {
			State: v1alpha1.NodeUnhealthy, Reason: v1alpha1.ReasonRuntimeNotAnswering, Since: ago(26 * time.Hour), Agent: agent,
			Lease: lease(v1alpha1.LeaseFresh), Failing: "containerd,kubelet", Isolation: &v1alpha1.IsolationStatus{Action: v1alpha1.ActionNoExecute},
		},
		"n3": {
			State: v1alpha1.NodeDown, Reason: v1alpha1.ReasonNodeDown, Since: ago(50 * time.Hour), Agent: agent, Lease: lease(v1alpha1.LeaseLost),
			Isolation: &v1alpha1.IsolationStatus{Withheld: &v1alpha1.WithheldStatus{
				Action: v1alpha1.ActionNoExecute, Reason: v1alpha1.ReasonNodeDown, By: []v1alpha1.Brake{v1alpha1.BrakeBudgetSpent}, Summary: "BudgetSpent until 12:30:00",
			}},
		},
		"n4": {State: v1alpha1.NodeUnheard, Reason: v1alpha1.ReasonUnheard, Since: ago(72 * time.Hour)},
	}
}

func TestColumns_FitEightyAndSayWhatMatters(t *testing.T) {
	healths := bulkhead.BulkheadV1alpha1().NodeHealths()
	now := time.Now()
	for name, status := range shown(now) {
		nh, err := healths.Create(t.Context(), &v1alpha1.NodeHealth{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = healths.Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}) })
		nh.Status = status
		_, err = healths.UpdateStatus(t.Context(), nh, metav1.UpdateOptions{})
		require.NoError(t, err)
	}
	narrow, err := theBed.Kubectl(t.Context(), "get", "nodehealth")
	require.NoError(t, err)
	for line := range strings.Lines(narrow) {
		require.LessOrEqual(t, len(strings.TrimRight(line, " \n")), 80, "a terminal has 80 columns: %s", line)
	}
	golden(t, "nodehealth", narrow)

	wide, err := theBed.Kubectl(t.Context(), "get", "nh", "-o", "wide")
	require.NoError(t, err)
	golden(t, "nodehealth-wide", regexp.MustCompile(`[0-9]+s *\n`).ReplaceAllString(wide, "AGE\n"))

	_, err = bulkhead.BulkheadV1alpha1().ProtectionLocks().Create(t.Context(), &v1alpha1.ProtectionLock{
		ObjectMeta: metav1.ObjectMeta{Name: "switch-upgrade"},
		Spec: v1alpha1.ProtectionLockSpec{Scope: v1alpha1.LockNode, NodeName: "n1", Reason: "new switch", Owner: "ann",
			Until: &metav1.Time{Time: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	locks, err := theBed.Kubectl(t.Context(), "get", "protectionlock")
	require.NoError(t, err)
	require.NoError(t, bulkhead.BulkheadV1alpha1().ProtectionLocks().Delete(t.Context(), "switch-upgrade", metav1.DeleteOptions{}))
	golden(t, "protectionlock", regexp.MustCompile(`[0-9]+s *\n`).ReplaceAllString(locks, "AGE\n"))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name + ".golden"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}
