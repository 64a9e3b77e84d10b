//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bulkhead-dev/bulkhead/test/cluster/fault"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

func faultCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "fault VERB NODE [ARGS]",
		Short: "Do harm to a node, or undo it",
		Long: `Does harm to a node, or undoes it. Every verb prints one line of JSON:

  {"fault":"cut","node":"n2","injected":"2026-01-02T03:04:05.123456789Z","completed":"..."}

injected is the time just before the harm was done, completed when the verb was through.`,
	}
	command.AddCommand(faultListCommand())
	for _, verb := range fault.Verbs {
		command.AddCommand(verbCommand(verb))
	}
	return command
}

func verbCommand(verb fault.Verb) *cobra.Command {
	var signal string
	command := &cobra.Command{
		Use:   strings.TrimSpace(verb.Name + " NODE " + verb.Args),
		Short: verb.Short,
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			inject := func(state.Dir) error { return inject(c, verb, args, signal) }
			if verb.Switches {
				return locked(c, inject)
			}
			return inject("")
		},
	}
	if verb.Undo != "" {
		command.Long = fmt.Sprintf("%s.\n\n`cluster fault %s` takes it back.", verb.Short, verb.Undo)
	}
	if verb.Name == "kill-unit" {
		command.Flags().StringVar(&signal, "signal", "KILL", "signal to send, such as TERM")
	}
	return command
}

func inject(c *cobra.Command, verb fault.Verb, args []string, signal string) error {
	dir, cluster, err := running()
	if err != nil {
		return err
	}
	node, err := cluster.Find(args[0])
	if err != nil {
		return err
	}
	target := fault.Target{Dir: dir, Cluster: cluster, Node: node, Args: args[1:], Signal: signal}
	event, err := verb.Inject(c.Context(), target)
	if err != nil {
		return err
	}
	return json.NewEncoder(c.OutOrStdout()).Encode(event)
}

func faultListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List all verbs with what undoes them",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "VERB\tUNDONE BY\tWHAT IT DOES")
			for _, verb := range fault.Verbs {
				fmt.Fprintf(table, "%s NODE %s\t%s\t%s\n", verb.Name, verb.Args, verb.Undo, verb.Short)
			}
			return table.Flush()
		},
	}
}
