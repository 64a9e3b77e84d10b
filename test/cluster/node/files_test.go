package node

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRenderAll(t *testing.T) {
	rendered, err := renderAll(values{
		Name: "n4", Zone: "zone-b", IP: "10.66.0.14", NodePodCIDR: "10.200.4.0/24",
		Kube: kubeDir, NodeTools: nodeToolsDir, Path: Path,
		ImageTars: []string{"/images/a.tar", "/images/b.tar"},
	})
	require.NoError(t, err)

	text := func(name string) string {
		require.Contains(t, rendered, name)
		return string(rendered[name])
	}
	require.Contains(t, text("/usr/lib/systemd/system/kubelet.service"), "--node-labels=topology.kubernetes.io/zone=zone-b")
	require.Contains(t, text("/usr/lib/systemd/system/node-images.service"), "/images/b.tar\n")
	require.Contains(t, text("/etc/kubernetes/kubelet.yaml"), "nodefs.available: 1%\n")
	require.True(t, json.Valid([]byte(text("/etc/cni/net.d/10-bulkhead-test.conflist"))))
	require.Contains(t, rendered, "/usr/lib/systemd/system/"+target)

	limited, err := renderAll(values{NodefsSize: "64m"})
	require.NoError(t, err)
	require.Contains(t, string(limited["/etc/kubernetes/kubelet.yaml"]), "nodefs.available: 10%\n")
}

func TestEntries_SkipComments(t *testing.T) {
	require.Contains(t, entries("masked-units"), "systemd-logind.service")
	require.NotContains(t, entries("masked-units"), "containerd.service")
	require.Contains(t, entries("private-sysctls"), "vm/panic_on_oom=0")
}
