package isolate

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
)

func daemonSet(name string, tolerations ...corev1.Toleration) *appsv1.DaemonSet {
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "kube-system"}}
	d.Spec.Template.Spec.Tolerations = tolerations
	return d
}

func TestDaemonSets_NamesThoseOurTaintWouldEndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		kube := fake.NewClientset(
			daemonSet("csi", corev1.Toleration{Key: "node.kubernetes.io/not-ready", Operator: corev1.TolerationOpExists}),
			daemonSet("cni", corev1.Toleration{Operator: corev1.TolerationOpExists}))
		var log bytes.Buffer
		recorder := events.NewFakeRecorder(10)
		d := NewDaemonSets(kube, recorder, slog.New(slog.NewTextHandler(&log, nil)))
		go func() { _ = d.Run(ctx) }()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Contains(t, log.String(), "daemonSets=kube-system/csi ")
		require.Len(t, recorder.Events, 1)

		_, err := kube.AppsV1().DaemonSets("kube-system").Create(ctx, daemonSet("logs"), metav1.CreateOptions{})
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Contains(t, log.String(), `daemonSets="kube-system/csi kube-system/logs"`)
		require.Len(t, recorder.Events, 2, "the first is not named again")
		stop()
		synctest.Wait()
	})
}
