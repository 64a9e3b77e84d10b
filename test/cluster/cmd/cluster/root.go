//go:build linux

package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

const about = `cluster runs a real Kubernetes cluster on this machine: etcd, kube-apiserver,
kube-controller-manager and kube-scheduler as processes, and up to ten nodes,
each with a systemd, containerd, kubelet and kube-proxy of its own in namespaces
of its own. Nothing is put into the machine's own network namespace.

  cluster build     once; then again after a change, which is mostly a no-op
  cluster up        until all nodes are ready
  cluster kubectl -- get nodes
  cluster fault freeze-unit n1 kubelet
  cluster down      also after a crash

Files are kept in /var/tmp/bulkhead-cluster, or where BULKHEAD_CLUSTER_STATE says.`

func root() *cobra.Command {
	command := &cobra.Command{
		Use:           "cluster",
		Short:         "A real Kubernetes cluster on one machine, for tests",
		Long:          about,
		SilenceErrors: true,
		SilenceUsage:  true,
		CompletionOptions: cobra.CompletionOptions{
			DisableDefaultCmd: true,
		},
	}
	command.AddCommand(
		buildCommand(), upCommand(), downCommand(), statusCommand(),
		kubectlCommand(), helmCommand(), kubeconfigCommand(), accountCommand(),
		execCommand(), inCommand(), pushCommand(),
		imageCommand(), faultCommand(),
	)
	return command
}

// locked runs do while no other call changes the cluster.
func locked(c *cobra.Command, do func(state.Dir) error) error {
	dir, err := state.FromEnvironment()
	if err != nil {
		return err
	}
	unlock, err := state.Lock(dir.Path("lock"), 5*time.Minute, func() {
		c.PrintErrln("another `cluster` call is changing the cluster; waiting for it")
	})
	if err != nil {
		return err
	}
	defer unlock()
	return do(dir)
}

// running returns the cluster that is up.
func running() (state.Dir, state.Cluster, error) {
	dir, err := state.FromEnvironment()
	if err != nil {
		return dir, state.Cluster{}, err
	}
	cluster, err := state.Load(dir)
	return dir, cluster, err
}
