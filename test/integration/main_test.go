//go:build integration

package integration

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/test/bed"
)

var (
	update = flag.Bool("update", false, "rewrite testdata/*.golden")
	keep   = flag.Bool("keep", false, "leave the cluster up")
)

// What every test uses; set by TestMain.
var (
	theBed   *bed.Bed
	admin    *rest.Config
	kube     kubernetes.Interface
	bulkhead client.Interface
	anything dynamic.Interface
)

// Without its garbage collector Kubernetes leaves Leases alone whose Node the conformance suite made up.
var clusterOptions = bed.Options{Nodes: 1, Zones: 1, Flags: []string{"--kcm-flag=--controllers=*,-garbage-collector-controller"}}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(bed.Main(clusterOptions, func() bool { return *keep }, func(b *bed.Bed) int {
		if err := setUp(b); err != nil {
			fmt.Fprintln(os.Stderr, "setting up:", err)
			return 1
		}
		return m.Run()
	}))
}

// noPods keeps the chart's pods away: our programs are run here, one by one.
var noPods = []string{"--set", "agent.nodeSelector.nowhere=yes", "--set", "controller.nodeSelector.nowhere=yes"}

func setUp(b *bed.Bed) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	theBed = b
	var err error
	if admin, err = clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")); err != nil {
		return err
	}
	admin.QPS, admin.Burst = 200, 200
	if kube, err = kubernetes.NewForConfig(admin); err != nil {
		return err
	}
	if bulkhead, err = client.NewForConfig(admin); err != nil {
		return err
	}
	if anything, err = dynamic.NewForConfig(admin); err != nil {
		return err
	}
	return install(ctx)
}

func install(ctx context.Context) error {
	_, err := theBed.Helm(ctx, append([]string{
		"install", "bulkhead", theBed.Root + "/charts/bulkhead", "--namespace", "bulkhead-system", "--create-namespace"}, noPods...)...)
	return err
}

// patience bounds every wait: a busy machine of two cores.
const patience = 30 * time.Second

// eventually waits for a condition that says by an error what is still missing.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			require.NoError(t, err, "waiting for %s", what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
