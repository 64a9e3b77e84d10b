//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/bulkhead-dev/bulkhead/test/cluster/image"
	"github.com/bulkhead-dev/bulkhead/test/cluster/node"
)

func imageCommand() *cobra.Command {
	command := &cobra.Command{Use: "image", Short: "Pack images and load them into the nodes"}
	command.AddCommand(imageBuildCommand(), imageLoadCommand())
	return command
}

func imageBuildCommand() *cobra.Command {
	var user string
	command := &cobra.Command{
		Use:   "build REFERENCE BINARY OUT.tar",
		Short: "Pack one static program into an image",
		Long: `Packs one static program as the entrypoint of an image, written as a docker
archive. Equal programs make equal archives. No container daemon is needed.`,
		Args: cobra.ExactArgs(3),
		RunE: func(_ *cobra.Command, args []string) error {
			return image.Binary{Reference: args[0], Path: args[1], User: user}.Write(args[2])
		},
	}
	command.Flags().StringVar(&user, "user", "", "UID or UID:GID to run as (default root)")
	return command
}

func imageLoadCommand() *cobra.Command {
	var only []string
	command := &cobra.Command{
		Use:   "load TAR...",
		Short: "Import images into every node's containerd",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			dir, cluster, err := running()
			if err != nil {
				return err
			}
			if only == nil {
				for _, n := range cluster.Nodes {
					only = append(only, n.Name)
				}
			}
			var errs []error
			for _, name := range only {
				if _, err := cluster.Find(name); err != nil {
					return err
				}
				for _, tar := range args {
					errs = append(errs, loadImage(c, func(file *os.File) error { return node.LoadImage(dir, name, file) }, name, tar))
				}
			}
			return errors.Join(errs...)
		},
	}
	command.Flags().StringSliceVar(&only, "node", nil, "nodes to import to (default all)")
	return command
}

func loadImage(c *cobra.Command, load func(*os.File) error, name, tar string) error {
	file, err := os.Open(tar)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := load(file); err != nil {
		return fmt.Errorf("loading %s into %s: %w", tar, name, err)
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: loaded %s\n", name, tar)
	return nil
}
