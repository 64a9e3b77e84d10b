package node

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/bulkhead-dev/bulkhead/test/cluster/cgroup"
	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

// Where a node sees the binaries that `cluster build` made.
const (
	kubeDir      = "/opt/bulkhead-test/kube"
	nodeToolsDir = "/opt/bulkhead-test/node"
	imagesDir    = "/opt/bulkhead-test/images"
)

// Path is the PATH of everything that runs in a node.
const Path = nodeToolsDir + ":" + kubeDir + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Spec is everything a node is made from. It is handed to node-init as a file.
type Spec struct {
	Node        state.Node         `json:"node"`
	Dir         state.Dir          `json:"dir"`
	Binaries    state.Binaries     `json:"binaries"`
	Hierarchies []cgroup.Hierarchy `json:"hierarchies"`
}

// NewSpec describes node as part of cluster.
func NewSpec(d state.Dir, cluster state.Cluster, node state.Node) (Spec, error) {
	hierarchies, err := cgroup.Mounted()
	if err != nil {
		return Spec{}, err
	}
	return Spec{Node: node, Dir: d, Binaries: cluster.Binaries, Hierarchies: hierarchies}, nil
}

// ReadSpec reads what save wrote.
func ReadSpec(path string) (Spec, error) {
	var s Spec
	data, err := os.ReadFile(path)
	if err != nil {
		return s, fmt.Errorf("reading node spec: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("reading node spec %s: %w", path, err)
	}
	return s, nil
}

func (s Spec) save() error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding node spec: %w", err)
	}
	return state.WriteFile(s.specFile(), data, 0o644)
}

func (s Spec) path(names ...string) string { return s.Dir.Node(s.Node.Name, names...) }
func (s Spec) specFile() string            { return s.path("spec.json") }
func (s Spec) namespace() string           { return network.NodeNamespace(s.Node.Name) }
