package runtime

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text), Mode: 0o644} }

// files are the host's, as distributions lay them out.
var files = fstest.MapFS{
	"var/lib/kubelet/config.yaml":             file("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncontainerRuntimeEndpoint: unix:///run/crio/crio.sock\n"),
	"var/lib/kubelet/silent.yaml":             file("kind: KubeletConfiguration\nmaxPods: 110\n"),
	"var/lib/kubelet/broken.yaml":             file("\tkind: ["),
	"etc/kubernetes/config.json":              file(`{"kind":"KubeletConfiguration","containerRuntimeEndpoint":"/var/run/crio/crio.sock"}`),
	"etc/kubelet.d/10-runtime.conf":           file("containerRuntimeEndpoint: unix:///run/crio/crio.sock"),
	"etc/kubelet.d/20-more/30.conf":           file("containerRuntimeEndpoint: unix:///run/cri-dockerd.sock"),
	"etc/kubelet.d/20-more/40.conf":           file("maxPods: 5"),
	"etc/kubelet.d/99-not-read.yaml":          file("containerRuntimeEndpoint: unix:///run/no.sock"),
	"var/snap/microk8s/5000/args/kubelet":     file("--container-runtime-endpoint=${SNAP_COMMON}/run/containerd.sock\n--root-dir=${SNAP_COMMON}/var/lib/kubelet\n"),
	"var/snap/microk8s/5000/args/containerd":  file(""),
	"opt/rancher/etc/rancher/k3s/config.yaml": file(""),
}

func TestEndpointOf(t *testing.T) {
	for line, want := range map[string]string{
		"/usr/bin/kubelet --container-runtime-endpoint=unix:///run/crio/crio.sock --v=2":                                                    "/run/crio/crio.sock",
		"/usr/bin/kubelet --container-runtime-endpoint unix:///var/run/crio/crio.sock":                                                      "/run/crio/crio.sock",
		"/usr/bin/kubelet --container-runtime-endpoint /run/containerd/containerd.sock":                                                     "/run/containerd/containerd.sock",
		"/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml":                                                                            "/run/crio/crio.sock",
		"/usr/bin/kubelet --config /etc/kubernetes/config.json":                                                                             "/run/crio/crio.sock",
		"/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml --container-runtime-endpoint=unix:///run/x/crio.sock":                       "/run/x/crio.sock",
		"/usr/bin/kubelet --config=/var/lib/kubelet/silent.yaml":                                                                            "/run/containerd/containerd.sock",
		"/usr/bin/kubelet --config=/var/lib/kubelet/silent.yaml --config-dir=/etc/kubelet.d":                                                "/run/cri-dockerd.sock",
		"/usr/bin/kubelet --config=/var/lib/kubelet/missing.yaml":                                                                           "! not exist",
		"/usr/bin/kubelet --config=/var/lib/kubelet/broken.yaml":                                                                            "! broken.yaml",
		"/usr/bin/kubelet --config=kubelet.yaml":                                                                                            "! relative",
		"/usr/bin/kubelet --config=/var/lib/kubelet":                                                                                        "! not a configuration file",
		"/usr/bin/kubelet --config-dir=/nowhere":                                                                                            "! not exist",
		"/usr/bin/kubelet --container-runtime-endpoint=npipe:////./pipe/x":                                                                  "! no unix socket",
		"/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf":                                                                        "/run/containerd/containerd.sock guess",
		"/usr/local/bin/kbed kubelet --config=/var/lib/kubelet/config.yaml":                                                                 "/run/crio/crio.sock",
		"/var/lib/rancher/rke2/data/v1/bin/kubelet --container-runtime-endpoint=unix:///run/k3s/containerd/containerd.sock --config-dir=/x": "/run/k3s/containerd/containerd.sock",
		"/usr/local/bin/kubelet --container-runtime-endpoint=unix:///run/k0s/containerd.sock --root-dir=/var/lib/k0s/kubelet":               "/run/k0s/containerd.sock",
		"/snap/microk8s/5000/kubelite --kubelet-args-file=/var/snap/microk8s/5000/args/kubelet":                                             "/var/snap/microk8s/common/run/containerd.sock",
		"/snap/microk8s/5000/kubelite --kubelet-args-file=/var/snap/microk8s/1/args/kubelet":                                                "! not exist",
		"/snap/microk8s/5000/kubelite":                                                                                                      "! without --kubelet-args-file",
	} {
		t.Run(line, func(t *testing.T) {
			require.Equal(t, want, resultOf(endpointOf(strings.Fields(line + " ")[:len(strings.Fields(line))], files)))
		})
	}
}

func resultOf(socket string, err error) string {
	switch {
	case err != nil && socket != "":
		return socket + " guess"
	case err == nil:
		return socket
	}
	for _, word := range []string{"not exist", "broken.yaml", "relative", "not a configuration file", "no unix socket", "without --kubelet-args-file", "no command line"} {
		if strings.Contains(err.Error(), word) {
			return "! " + word
		}
	}
	return err.Error()
}

// k3s overwrites its command line with its name and what it is: one argument with a space, and then nothing.
func TestEndpointOf_K3sHidesItsFlags(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		want   string
	}{
		"no file":                 {want: "/run/k3s/containerd/containerd.sock guess"},
		"a file that is silent":   {config: "write-kubeconfig-mode: '0644'", want: "/run/k3s/containerd/containerd.sock guess"},
		"another runtime":         {config: "container-runtime-endpoint: unix:///run/crio/crio.sock", want: "/run/crio/crio.sock"},
		"docker":                  {config: "docker: true", want: "/run/k3s/cri-dockerd/cri-dockerd.sock"},
		"a file that is not YAML": {config: "\t[", want: "error"},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			if c.config != "" {
				root[k3sConfig] = file(c.config)
			}
			got, err := endpointOf([]string{"/usr/local/bin/k3s server", "", ""}, root)
			if c.want == "error" {
				require.ErrorContains(t, err, "config.yaml")
				return
			}
			require.Equal(t, c.want, resultOf(got, err))
		})
	}
}

func FuzzEndpointOf(f *testing.F) {
	f.Add("/usr/bin/kubelet\x00--config=/var/lib/kubelet/config.yaml", "containerRuntimeEndpoint: unix:///run/crio/crio.sock")
	f.Add("/usr/local/bin/k3s server\x00\x00", "container-runtime-endpoint: /x.sock\ndocker: true")
	f.Add("kubelite\x00--kubelet-args-file\x00/var/lib/kubelet/config.yaml", "--config=/var/lib/kubelet/config.yaml")
	f.Add("kubelet\x00--config-dir=/var/lib/../..", "{}")
	f.Fuzz(func(t *testing.T, line, config string) {
		root := fstest.MapFS{"var/lib/kubelet/config.yaml": file(config), "var/lib/kubelet/a.conf": file(config), k3sConfig: file(config)}
		socket, err := endpointOf(strings.Split(line, "\x00"), root)
		if err == nil {
			require.True(t, strings.HasPrefix(socket, "/"), socket)
		}
	})
}
