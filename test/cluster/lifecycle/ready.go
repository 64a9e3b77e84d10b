package lifecycle

import (
	"context"
	"fmt"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/cluster/controlplane"
	"github.com/bulkhead-dev/bulkhead/test/cluster/kubeapi"
	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/node"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
	"github.com/bulkhead-dev/bulkhead/test/cluster/wait"
)

// patience is generous, since a compiler may be running beside the cluster.
// Nothing ever waits longer than it has to.
const patience = 4 * time.Minute

func (u *up) nodesReady(ctx context.Context) error {
	client, err := kubeapi.New(u.Dir, network.ControlPlaneNamespace, controlplane.Server)
	if err != nil {
		return err
	}
	return u.await(ctx, "all nodes to be ready", func(ctx context.Context) error {
		nodes, err := client.Nodes(ctx)
		if err != nil {
			return err
		}
		return allReady(u.cluster.Nodes, nodes)
	})
}

// allReady returns an error that names a node which is not ready yet.
func allReady(want []state.Node, have []kubeapi.Node) error {
	ready := map[string]string{}
	for _, n := range have {
		ready[n.Name] = n.Ready
	}
	for _, n := range want {
		switch status, registered := ready[n.Name]; {
		case !registered:
			return fmt.Errorf("node %s has not registered", n.Name)
		case status != "True":
			return fmt.Errorf("node %s is not ready", n.Name)
		}
	}
	return nil
}

// servicesReachable calls the API server from each node by its service address,
// which works once kube-proxy has written its rules.
func (u *up) servicesReachable(ctx context.Context) error {
	for _, n := range u.cluster.Nodes {
		client, err := kubeapi.New(u.Dir, network.NodeNamespace(n.Name), network.KubernetesIP+":443")
		if err != nil {
			return err
		}
		if err := u.await(ctx, "service address on "+n.Name, client.Ready); err != nil {
			return err
		}
	}
	return nil
}

// accountExists waits for what every pod of the default namespace needs.
func (u *up) accountExists(ctx context.Context) error {
	client, err := kubeapi.New(u.Dir, network.ControlPlaneNamespace, controlplane.Server)
	if err != nil {
		return err
	}
	return u.await(ctx, "default service account", func(ctx context.Context) error {
		return client.Get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil)
	})
}

// await polls, and gives up as soon as a part of the cluster has ended.
func (u *up) await(ctx context.Context, what string, condition func(context.Context) error) error {
	return wait.For(ctx, what, patience, func(ctx context.Context) error {
		if err := u.plane.Check(); err != nil {
			return wait.Never(err)
		}
		for _, n := range u.cluster.Nodes {
			if _, err := node.Init(u.Dir, n.Name); err != nil {
				return wait.Never(fmt.Errorf("%w:\n%s", err, wait.Tail(u.Dir.Node(n.Name, "console.log"), 10)))
			}
		}
		return condition(ctx)
	})
}
