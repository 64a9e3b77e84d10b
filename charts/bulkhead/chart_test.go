package bulkhead_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/bulkhead-dev/bulkhead/internal/config"
)

const namespace = "bulkhead-system"

// helm finds Helm: the test cluster brings one, see test/cluster/build.
func helm(t *testing.T) string {
	t.Helper()
	if cache, err := os.UserCacheDir(); err == nil {
		built, err := filepath.Glob(filepath.Join(cache, "bulkhead", "cluster", "kube-*", "helm"))
		require.NoError(t, err)
		built = slices.DeleteFunc(built, func(path string) bool { return strings.Contains(path, ".draft") })
		if len(built) > 0 {
			return built[0]
		}
	}
	path, err := exec.LookPath("helm")
	if err != nil {
		t.Skip("there is no helm; `make cluster-build` builds one")
	}
	return path
}

func TestChart_Lints(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), helm(t), "lint", "--strict", "--quiet", ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// render is the chart with settings as of --set.
func render(t *testing.T, settings ...string) []object {
	t.Helper()
	out, err := template(t, settings...)
	require.NoError(t, err, out)
	var objects []object
	for _, document := range strings.Split(out, "\n---\n") {
		if strings.TrimSpace(strings.ReplaceAll(document, "#", "")) == "" || !strings.Contains(document, "kind:") {
			continue
		}
		parsed, _, err := decoder.Decode([]byte(document), nil, nil)
		require.NoError(t, err, "an unknown field, or a kind this test does not know:\n%s", document)
		objects = append(objects, parsed.(object))
	}
	require.NotEmpty(t, objects)
	return objects
}

func template(t *testing.T, settings ...string) (string, error) {
	t.Helper()
	args := []string{"template", "bulkhead", ".", "--namespace", namespace}
	for _, setting := range settings {
		args = append(args, "--set", setting)
	}
	var out, problems bytes.Buffer
	command := exec.CommandContext(t.Context(), helm(t), args...)
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return problems.String(), err
	}
	return out.String(), nil
}

type object interface {
	runtime.Object
	metav1.Object
}

// decoder is strict: a field that the API does not know is an error.
var decoder = func() runtime.Decoder {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		admissionv1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme,
		policyv1.AddToScheme, rbacv1.AddToScheme, apiextensionsv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}()

func find[T object](t *testing.T, all []object, name string) T {
	t.Helper()
	for _, o := range all {
		if found, ok := o.(T); ok && o.GetName() == name {
			return found
		}
	}
	var none T
	require.Failf(t, "not rendered", "%T %s", none, name)
	return none
}

func TestChart_ItsConfigurationsLoad(t *testing.T) {
	for name, settings := range map[string][]string{
		"defaults": nil,
		"dry run":  {"policy.mode=DryRun"},
		"policy":   {"policy.spec.budget.window=45m"},
		"given": {
			"agent.config.checks.defaults.interval=2s", "agent.config.log.level=debug",
			"controller.config.evictions.perSecond=10", "controller.config.log.format=json",
		},
	} {
		t.Run(name, func(t *testing.T) {
			all := render(t, settings...)
			agent, err := config.Parse([]byte(find[*corev1.ConfigMap](t, all, "bulkhead-agent").Data["agent.yaml"]), config.DefaultAgent())
			require.NoError(t, err)
			require.Equal(t, "/host", agent.HostRoot)
			controller, err := config.Parse([]byte(find[*corev1.ConfigMap](t, all, "bulkhead-controller").Data["controller.yaml"]), config.DefaultController())
			require.NoError(t, err)
			require.Equal(t, namespace, controller.Namespace)
			if name == "given" {
				require.Equal(t, "debug", agent.Log.Level)
				require.Equal(t, 10, controller.Evictions.PerSecond)
			}
		})
	}
}

func TestChart_RefusesWhatItDoesNotKnow(t *testing.T) {
	for setting, complaint := range map[string]string{
		"polcy.mode=DryRun":                   "polcy",
		"policy.mode=Maybe":                   "Enforce",
		"agent.config.hostRoot=/":             "/agent/config/hostRoot",
		"controller.config.namespace=x":       "/controller/config/namespace",
		"controller.config.metricsAddress=:1": "/controller/config/metricsAddress",
		"policy.spec.dryRun=true":             "/policy/spec/dryRun",
		"controller.replicas=0":               "/controller/replicas",
		"agent.maxUnavailable=plenty":         "/agent/maxUnavailable",
		"image.registry=registry.test/":       "/image/registry",
		"cleanup.enabled=perhaps":             "/cleanup/enabled",
		"agent.resources=small":               "/agent/resources",
		"controller.nodeSelector.gpu[0]=":     "/controller/nodeSelector",
	} {
		out, err := template(t, setting)
		require.Error(t, err, setting)
		require.Contains(t, out, complaint, setting)
	}
}

func TestChart_CRDsAreTheGeneratedOnes(t *testing.T) {
	generated, err := filepath.Glob("templates/crds/*.yaml")
	require.NoError(t, err)
	all := render(t)
	count := 0
	for _, o := range all {
		if _, ok := o.(*apiextensionsv1.CustomResourceDefinition); ok {
			count++
		}
	}
	require.Equal(t, len(generated), count)
	for _, file := range generated {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(raw), "{{", "%s: Helm would read this as its own", file)
		want, _, err := decoder.Decode(raw, nil, nil)
		require.NoError(t, err)
		require.Equal(t, want, find[*apiextensionsv1.CustomResourceDefinition](t, all, want.(object).GetName()))
	}
}

func TestChart_ImagesFollowTheValues(t *testing.T) {
	all := render(t, "image.registry=registry.test/team", "image.tag=v9", "image.pullPolicy=Never", "image.pullSecrets={a,b}")
	pods := podSpecs(all)
	require.Len(t, pods, 3)
	for name, pod := range pods {
		require.Contains(t, pod.Containers[0].Image, "registry.test/team/bulkhead-", name)
		require.Contains(t, pod.Containers[0].Image, ":v9", name)
		require.Equal(t, corev1.PullNever, pod.Containers[0].ImagePullPolicy, name)
		require.Equal(t, []corev1.LocalObjectReference{{Name: "a"}, {Name: "b"}}, pod.ImagePullSecrets, name)
	}
}

func podSpecs(all []object) map[string]corev1.PodSpec {
	pods := map[string]corev1.PodSpec{}
	for _, o := range all {
		switch o := o.(type) {
		case *appsv1.DaemonSet:
			pods[o.Name] = o.Spec.Template.Spec
		case *appsv1.Deployment:
			pods[o.Name] = o.Spec.Template.Spec
		case *batchv1.Job:
			pods[o.Name] = o.Spec.Template.Spec
		}
	}
	return pods
}
