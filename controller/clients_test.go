package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
)

// jsonClient speaks JSON, which a test's API server can read.
func jsonClient(t *testing.T, k *controller) kubernetes.Interface {
	t.Helper()
	config := k.clients.api.Config()
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	c, err := kubernetes.NewForConfigAndClient(config, k.clients.api.HTTP())
	require.NoError(t, err)
	return c
}
