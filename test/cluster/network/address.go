package network

import (
	"fmt"
	"regexp"
)

// MaxNodes is how many nodes have an address and a route for their pods.
const MaxNodes = 10

// Addresses that configuration files and certificates name.
const (
	ControlPlaneIP = "10.66.0.1"
	KubernetesIP   = "10.96.0.1" // the first address of ServiceCIDR
	ServiceCIDR    = "10.96.0.0/16"
	PodCIDR        = "10.200.0.0/16"
)

// Namespaces and names of the ports of the switch.
const (
	FabricNamespace       = "bulkhead-fabric"
	ControlPlaneNamespace = "bulkhead-control-plane"

	bridge           = "switch"
	controlPlanePort = "port-cp"
)

// ours matches the namespaces this package makes and no other, so that clearing
// up leaves alone what a neighbour called bulkhead-something.
var ours = regexp.MustCompile(`^bulkhead-(fabric|control-plane|n[0-9]+)$`)

// NodeNamespace is the network namespace of a node.
func NodeNamespace(node string) string { return "bulkhead-" + node }

// Port is the port of the switch that a node is plugged into.
func Port(node string) string { return "port-" + node }

// NodeIP is the address of node number i.
func NodeIP(i int) string { return fmt.Sprintf("10.66.0.%d", 10+i) }

// NodePodCIDR is where the pods of node number i live.
func NodePodCIDR(i int) string { return fmt.Sprintf("10.200.%d.0/24", i) }
