package bulkhead_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/cleanup"
)

func TestChart_NoContainerHasMoreThanItNeeds(t *testing.T) {
	for name, pod := range podSpecs(render(t)) {
		require.Len(t, pod.Containers, 1, name)
		security := pod.Containers[0].SecurityContext
		require.Nil(t, security.Privileged, name)
		require.False(t, *security.AllowPrivilegeEscalation, name)
		require.True(t, *security.ReadOnlyRootFilesystem, name)
		require.Equal(t, []corev1.Capability{"ALL"}, security.Capabilities.Drop, name)
		if name != "bulkhead-agent" {
			require.Empty(t, security.Capabilities.Add, name)
		}
		require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type, name)
		require.NotEmpty(t, pod.PriorityClassName, name)
		require.NotEmpty(t, pod.Containers[0].Resources.Limits.Memory().String(), name)
		if name != "bulkhead-agent" {
			require.True(t, *pod.SecurityContext.RunAsNonRoot, name)
			require.False(t, pod.HostNetwork || pod.HostPID, name)
		}
	}
}

func TestChart_TheAgentSeesTheHostAndWritesOneFolder(t *testing.T) {
	agent := find[*appsv1.DaemonSet](t, render(t), "bulkhead-agent").Spec.Template.Spec
	require.True(t, agent.HostNetwork)
	require.True(t, agent.HostPID)
	require.Equal(t, []corev1.Toleration{{Operator: corev1.TolerationOpExists}}, agent.Tolerations)
	// That these are the sum of what its checks need, agent/needs_test.go says.
	require.Equal(t, []corev1.Capability{"NET_ADMIN", "DAC_OVERRIDE"}, agent.Containers[0].SecurityContext.Capabilities.Add)
	require.Nil(t, agent.Containers[0].LivenessProbe, "a probe by the kubelet would depend on what the agent measures")
	for _, mount := range agent.Containers[0].VolumeMounts {
		require.True(t, mount.ReadOnly || mount.Name == "state", "%s is writable", mount.Name)
	}
	for _, volume := range agent.Volumes {
		if volume.HostPath != nil {
			require.Contains(t, []string{"/run", "/proc", "/sys/fs/cgroup", "/var/lib/bulkhead"}, volume.HostPath.Path)
		}
	}
	require.True(t, slices.ContainsFunc(agent.Containers[0].Env, func(e corev1.EnvVar) bool {
		return e.Name == "NODE_NAME" && e.ValueFrom.FieldRef.FieldPath == "spec.nodeName"
	}))
}

func TestChart_TheControllersLeaveABadNodeSoon(t *testing.T) {
	all := render(t)
	deployment := find[*appsv1.Deployment](t, all, "bulkhead-controller")
	require.EqualValues(t, 2, *deployment.Spec.Replicas)
	for _, toleration := range deployment.Spec.Template.Spec.Tolerations {
		require.Equal(t, corev1.TaintEffectNoExecute, toleration.Effect, "it must not be scheduled to an isolated node")
		require.EqualValues(t, 30, *toleration.TolerationSeconds)
	}
	require.Contains(t, tolerated(deployment.Spec.Template.Spec), v1alpha1.TaintIsolated)
	budget := find[*policyv1.PodDisruptionBudget](t, all, "bulkhead-controller")
	require.Equal(t, deployment.Spec.Selector, budget.Spec.Selector)
}

func tolerated(pod corev1.PodSpec) (keys []string) {
	for _, toleration := range pod.Tolerations {
		keys = append(keys, toleration.Key)
	}
	return keys
}

// granted is what one account may do cluster-wide ("resource" keys) or in one namespace ("namespace/resource").
func granted(all []object, account string) map[string][]string {
	rules := map[string][]rbacv1.PolicyRule{}
	for _, o := range all {
		switch o := o.(type) {
		case *rbacv1.ClusterRole:
			rules[o.Name] = o.Rules
		case *rbacv1.Role:
			rules[o.Namespace+"/"+o.Name] = o.Rules
		}
	}
	verbs := map[string][]string{}
	grant := func(prefix, role string, subjects []rbacv1.Subject) {
		if !slices.ContainsFunc(subjects, func(s rbacv1.Subject) bool { return s.Name == account && s.Namespace == namespace }) {
			return
		}
		for _, rule := range rules[prefix+role] {
			for _, resource := range rule.Resources {
				verbs[prefix+resource] = append(verbs[prefix+resource], rule.Verbs...)
			}
		}
	}
	for _, o := range all {
		switch o := o.(type) {
		case *rbacv1.ClusterRoleBinding:
			grant("", o.RoleRef.Name, o.Subjects)
		case *rbacv1.RoleBinding:
			grant(o.Namespace+"/", o.RoleRef.Name, o.Subjects)
		}
	}
	return verbs
}

func TestChart_RightsAreThoseOfTheTable(t *testing.T) {
	all := render(t)
	require.Equal(t, map[string][]string{
		"nodehealths/status":         {"patch"},
		"nodes/configz":              {"get"},
		"bulkhead-heartbeats/leases": {"get", "update"},
		"default/endpointslices":     {"list"},
	}, granted(all, "bulkhead-agent"), "the agent creates nothing, deletes nothing and touches no Node")

	controller := granted(all, "bulkhead-controller")
	require.Equal(t, []string{"get", "list", "watch", "patch"}, controller["nodes"])
	require.Equal(t, []string{"list", "watch"}, controller["protectionlocks"], "a lock is a person's")
	require.NotContains(t, controller["nodeisolationpolicies"], "update", "so is a policy")
	require.Equal(t, []string{"get", "list", "watch"}, controller["kube-node-lease/leases"])
	require.NotContains(t, controller["isolationledgers"], "delete", "a ledger that is gone has forgotten its permits")
	for resource, verbs := range controller {
		require.NotContains(t, resource+strings.Join(verbs, ""), "*")
	}
}

func TestChart_AdmissionFailsClosed(t *testing.T) {
	all := render(t)
	for _, name := range []string{"bulkhead-agent-nodehealth", "bulkhead-agent-lease"} {
		policy := find[*admissionv1.ValidatingAdmissionPolicy](t, all, name)
		require.Equal(t, admissionv1.Fail, *policy.Spec.FailurePolicy)
		require.Len(t, policy.Spec.MatchConditions, 1)
		require.Contains(t, policy.Spec.MatchConditions[0].Expression, "system:serviceaccount:"+namespace+":bulkhead-agent")
		binding := find[*admissionv1.ValidatingAdmissionPolicyBinding](t, all, name)
		require.Equal(t, name, binding.Spec.PolicyName)
		require.Equal(t, []admissionv1.ValidationAction{admissionv1.Deny}, binding.Spec.ValidationActions)
	}
	require.Contains(t, find[*admissionv1.ValidatingAdmissionPolicy](t, all, "bulkhead-agent-lease").Spec.Validations[3].Expression,
		v1alpha1.AnnotationBeatPeriod)
	find[*corev1.Namespace](t, all, v1alpha1.HeartbeatNamespace)
}

func TestChart_TheCleanupFindsWhatTheChartInstalled(t *testing.T) {
	all := render(t)
	o := cleanup.DefaultOptions()
	deployment := find[*appsv1.Deployment](t, all, o.Deployment)
	require.Equal(t, namespace, deployment.Namespace)

	controllers, err := labels.Parse(o.PodSelector)
	require.NoError(t, err)
	require.True(t, controllers.Matches(labels.Set(deployment.Spec.Template.Labels)))
	job := find[*batchv1.Job](t, all, "bulkhead-cleanup")
	require.False(t, controllers.Matches(labels.Set(job.Spec.Template.Labels)), "it would wait for itself")
	require.Contains(t, job.Spec.Template.Spec.Containers[0].Args, "--namespace="+namespace)
	for _, toleration := range job.Spec.Template.Spec.Tolerations {
		require.Equal(t, corev1.TaintEffectNoExecute, toleration.Effect, "it must not be scheduled to a node that cannot run it")
		require.EqualValues(t, 10, *toleration.TolerationSeconds)
	}

	weight := func(o metav1.Object) int {
		weight, err := strconv.Atoi(o.GetAnnotations()["helm.sh/hook-weight"])
		require.NoError(t, err)
		return weight
	}
	for _, o := range all {
		if o.GetName() != "bulkhead-cleanup" {
			require.Empty(t, o.GetAnnotations()["helm.sh/hook"], o.GetName())
			continue
		}
		require.Equal(t, "pre-delete", o.GetAnnotations()["helm.sh/hook"])
		if _, isJob := o.(*batchv1.Job); !isJob {
			require.Less(t, weight(o), weight(job), "rights before their use")
		}
	}
	require.Contains(t, granted(all, "bulkhead-cleanup"), namespace+"/deployments/scale")
	for _, o := range render(t, "cleanup.enabled=false") {
		require.NotEqual(t, "bulkhead-cleanup", o.GetName())
	}
}
