package build

import (
	"os"
	"path/filepath"
	"strings"
)

// Component is a group of programs that are built and cached together.
type Component struct {
	Name   string
	Source string // folder below the driver's, holding a Go module or packages of the driver's
	Steps  []Step
	// Links are further names of the one program that Steps make.
	Links []string
	// Images are packed from the programs of Steps, by reference.
	Images map[string]string
}

// Step is one call of `go build`.
type Step struct {
	Packages []string
	Tags     string
	LDFlags  string
	CGO      bool
}

// Versions that the programs report. They match the pins in the go.mod files;
// built from a module, they would not know better themselves.
const (
	kubernetesVersion = "v1.36.3"
	containerdVersion = "v2.4.2"
	runcVersion       = "1.5.2"
)

const small = "-s -w"

// kubeLDFlags set the version that nodes and the API server report.
var kubeLDFlags = strings.Join([]string{
	small,
	"-X k8s.io/component-base/version.gitVersion=" + kubernetesVersion,
	"-X k8s.io/component-base/version.gitMajor=1",
	"-X k8s.io/component-base/version.gitMinor=36",
	"-X k8s.io/component-base/version.gitTreeState=clean",
	"-X k8s.io/component-base/version.gitCommit=0000000000000000000000000000000000000000",
	"-X k8s.io/component-base/version.buildDate=2026-01-01T00:00:00Z",
}, " ")

// Kube is Kubernetes, etcd, kwok and helm in one program with many names.
var Kube = Component{
	Name:   "kube",
	Source: "kube",
	Steps:  []Step{{Packages: []string{"."}, LDFlags: kubeLDFlags}},
	Links: []string{
		"etcd", "helm", "kube-apiserver", "kube-controller-manager", "kube-proxy",
		"kube-scheduler", "kubectl", "kubelet", "kwok",
	},
}

// NodeTools is the container runtime of the nodes.
var NodeTools = Component{
	Name:   "nodetools",
	Source: "nodetools",
	Steps: []Step{
		{
			Packages: []string{
				"github.com/containerd/containerd/v2/cmd/containerd",
				"github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
				"github.com/containerd/containerd/v2/cmd/ctr",
				"github.com/containernetworking/plugins/plugins/ipam/host-local",
				"github.com/containernetworking/plugins/plugins/main/bridge",
				"github.com/containernetworking/plugins/plugins/main/loopback",
			},
			Tags:    "no_btrfs no_devmapper no_zfs no_aufs",
			LDFlags: small + " -X github.com/containerd/containerd/v2/version.Version=" + containerdVersion,
		},
		{
			// runc enters namespaces in C. Without the tag it refuses every pod,
			// since containerd asks for a seccomp profile.
			Packages: []string{"github.com/opencontainers/runc"},
			Tags:     "seccomp",
			LDFlags:  small + " -X main.version=" + runcVersion,
			CGO:      true,
		},
	},
}

// Images is what nodes run in pods.
var Images = Component{
	Name:   "images",
	Source: "workload",
	Steps:  []Step{{Packages: []string{"./pause", "./hello"}, LDFlags: small}},
	Images: workloadImages,
}

// Components in the order they are built.
var Components = []Component{NodeTools, Images, Kube}

// CacheDir is where built components are kept, outside of any clone.
func CacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "bulkhead", "cluster"), nil
}
