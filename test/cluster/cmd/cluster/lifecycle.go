//go:build linux

package main

import (
	"github.com/spf13/cobra"

	"github.com/bulkhead-dev/bulkhead/test/cluster/build"
	"github.com/bulkhead-dev/bulkhead/test/cluster/lifecycle"
	"github.com/bulkhead-dev/bulkhead/test/cluster/preflight"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

func buildCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "build",
		Short: "Install packages and compile what the cluster runs",
		Long: `Installs missing Debian packages (without starting any service), compiles
Kubernetes and the container tools, and packs the images of pause and hello.
Results are kept in the user's cache folder, in bulkhead/cluster, by a key over
their sources: with a warm cache nothing is done.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			builder, err := build.New(c.OutOrStdout())
			if err != nil {
				return err
			}
			if err := build.InstallPackages(c.Context(), c.OutOrStdout()); err != nil {
				return err
			}
			_, err = builder.All(c.Context())
			return err
		},
	}
}

func upCommand() *cobra.Command {
	var options lifecycle.Options
	programs := map[string]*[]string{}
	command := &cobra.Command{
		Use:   "up",
		Short: "Bring the cluster up and wait until all nodes are ready",
		Long: `Brings up the control plane (10.66.0.1) and nodes n1, n2, ... (10.66.0.11, ...),
labelled topology.kubernetes.io/zone=zone-a, zone-b, ... in turn, and returns when
all are ready and reach the API server by its service address. Ctrl-C takes down
what was started.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			options.Flags = map[string][]string{}
			for program, flags := range programs {
				options.Flags[program] = *flags
			}
			if err := options.Validate(); err != nil {
				return err
			}
			if err := preflight.Check(c.Context(), options.Nodes); err != nil {
				return err
			}
			builder, err := build.New(c.OutOrStdout())
			if err != nil {
				return err
			}
			binaries, err := builder.Built()
			if err != nil {
				return err
			}
			return locked(c, func(d state.Dir) error {
				return lifecycle.Up(c.Context(), d, options, binaries, c.OutOrStdout())
			})
		},
	}
	flags := command.Flags()
	flags.IntVar(&options.Nodes, "nodes", 3, "number of nodes, up to 10")
	flags.IntVar(&options.Zones, "zones", 3, "number of zones the nodes are dealt out to")
	flags.StringVar(&options.NodefsSize, "nodefs-size", "", "size of each node's /var/lib/kubelet, such as 256m, for `fault fill-disk`")
	for flag, program := range map[string]string{
		"etcd-flag":      "etcd",
		"apiserver-flag": "kube-apiserver",
		"kcm-flag":       "kube-controller-manager",
		"scheduler-flag": "kube-scheduler",
	} {
		programs[program] = flags.StringArray(flag, nil, "a further flag of "+program+", such as --v=3; may be repeated")
	}
	return command
}

func downCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Take down whatever there is of a cluster",
		Long: `Ends every process of the cluster, whatever runs in its network namespaces and
control groups, and removes namespaces, mounts, control groups and files. Works
after a crash or a reboot, and may be repeated.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return locked(c, lifecycle.Down)
		},
	}
}

func statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what runs; fails if the cluster is not up",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := state.FromEnvironment()
			if err != nil {
				return err
			}
			return lifecycle.Status(c.Context(), dir, c.OutOrStdout())
		},
	}
}
