package observe

import (
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/bulkhead-dev/bulkhead/api/client"
)

// Clients speak to the cluster of the environment's KUBECONFIG, fast enough for a test that patches many nodes.
func Clients() (kubernetes.Interface, client.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, nil, err
	}
	config.QPS, config.Burst = 200, 200
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, nil, err
	}
	bulkhead, err := client.NewForConfig(config)
	return kube, bulkhead, err
}
