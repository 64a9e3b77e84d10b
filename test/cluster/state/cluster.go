package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Cluster is what later calls have to know about a cluster that was brought up.
type Cluster struct {
	Started  time.Time `json:"started"`
	Ready    bool      `json:"ready"` // false while it comes up, and for ever after a crash in the middle
	Binaries Binaries  `json:"binaries"`
	Nodes    []Node    `json:"nodes"`
}

// Binaries are the folders that `cluster build` filled.
type Binaries struct {
	Kube      string `json:"kube"`
	NodeTools string `json:"nodeTools"`
	Images    string `json:"images"`
}

// Node is one machine of the cluster.
type Node struct {
	Name   string `json:"name"`
	Number int    `json:"number"` // gives the node its addresses, from 1
	Zone   string `json:"zone"`
	// NodefsSize bounds /var/lib/kubelet, as a size that mount(8) reads; empty
	// means the node shares the machine's disk.
	NodefsSize string `json:"nodefsSize,omitempty"`
}

// ErrDown is returned by Load when no cluster is remembered. `cluster up` and
// `cluster down` go on, every other verb stops.
var ErrDown = errors.New("no cluster is up: run `cluster up` first")

// Load reads what is remembered.
func Load(d Dir) (Cluster, error) {
	var c Cluster
	data, err := os.ReadFile(d.Path("cluster.json"))
	if errors.Is(err, os.ErrNotExist) {
		return c, ErrDown
	}
	if err != nil {
		return c, fmt.Errorf("reading cluster state: %w", err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("reading cluster state %s: %w", d.Path("cluster.json"), err)
	}
	return c, nil
}

// Save remembers c. It replaces the file in one step, so a crash leaves the old
// or the new state and never half of one.
func Save(d Dir, c Cluster) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding cluster state: %w", err)
	}
	return WriteFile(d.Path("cluster.json"), append(data, '\n'), 0o644)
}

// Find returns the node called name.
func (c Cluster) Find(name string) (Node, error) {
	i := slices.IndexFunc(c.Nodes, func(n Node) bool { return n.Name == name })
	if i < 0 {
		var names []string
		for _, n := range c.Nodes {
			names = append(names, n.Name)
		}
		return Node{}, fmt.Errorf("no node is called %q, there are %v", name, names)
	}
	return c.Nodes[i], nil
}
