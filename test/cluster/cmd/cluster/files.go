//go:build linux

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/bulkhead-dev/bulkhead/test/cluster/controlplane"
	"github.com/bulkhead-dev/bulkhead/test/cluster/kubeapi"
	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/node"
	"github.com/bulkhead-dev/bulkhead/test/cluster/pki"
)

func kubeconfigCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the administrator's kubeconfig",
		Long: `Prints the path of the administrator's kubeconfig. The server in it can be reached
from the cluster's network namespaces only: see ` + "`cluster in control-plane`" + `.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, _, err := running()
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), dir.AdminKubeconfig())
			return nil
		},
	}
}

func accountCommand() *cobra.Command {
	var onNode string
	command := &cobra.Command{
		Use:   "service-account-kubeconfig NAMESPACE ACCOUNT OUT",
		Short: "Write a kubeconfig of a service account, good for a day",
		Args:  cobra.ExactArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			dir, cluster, err := running()
			if err != nil {
				return err
			}
			client, err := kubeapi.New(dir, network.ControlPlaneNamespace, controlplane.Server)
			if err != nil {
				return err
			}
			token, err := client.Token(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			ca, err := os.ReadFile(dir.PKI("ca.crt"))
			if err != nil {
				return err
			}
			config, err := pki.Kubeconfig{Server: "https://" + controlplane.Server, CA: ca, User: args[1], Token: token}.Encode()
			if err != nil {
				return err
			}
			if onNode == "" {
				return os.WriteFile(args[2], config, 0o600)
			}
			if _, err := cluster.Find(onNode); err != nil {
				return err
			}
			return node.Write(dir, onNode, args[2], config, 0o600)
		},
	}
	command.Flags().StringVar(&onNode, "node", "", "write OUT inside this node instead of on this machine")
	return command
}

func pushCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "push NODE SOURCE DESTINATION",
		Short: "Copy a file of this machine into a node",
		Long: `Copies a file of this machine to a path inside a node, in one step and with its
mode. Like all files of a node except those in /var/lib/kubelet, /var/lib/containerd
and /var/log, it is gone after a power-off.`,
		Args: cobra.ExactArgs(3),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, cluster, err := running()
			if err != nil {
				return err
			}
			if _, err := cluster.Find(args[0]); err != nil {
				return err
			}
			data, err := os.ReadFile(args[1])
			if err != nil {
				return err
			}
			info, err := os.Stat(args[1])
			if err != nil {
				return err
			}
			return node.Write(dir, args[0], args[2], data, info.Mode().Perm())
		},
	}
}
