package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/cluster/controlplane"
	"github.com/bulkhead-dev/bulkhead/test/cluster/kubeapi"
	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/node"
	"github.com/bulkhead-dev/bulkhead/test/cluster/process"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

// Status prints what runs. It returns an error if the cluster is not up, or not
// wholly.
func Status(ctx context.Context, d state.Dir, out io.Writer) error {
	cluster, err := state.Load(d)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "started %s, state in %s\n", cluster.Started.Local().Format(time.DateTime), d)
	if !cluster.Ready {
		return errors.New("the cluster is coming up, or was left half way up: run `cluster down` if no `cluster up` is running")
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	ended := programs(d, table)
	readiness := map[string]string{}
	client, err := kubeapi.New(d, network.ControlPlaneNamespace, controlplane.Server)
	if err == nil {
		var nodes []kubeapi.Node
		nodes, err = client.Nodes(ctx)
		for _, n := range nodes {
			readiness[n.Name] = n.Ready
		}
	}
	fmt.Fprintln(table, "\nNODE\tZONE\tADDRESS\tPOWER\tREADY")
	for _, n := range cluster.Nodes {
		power := "on"
		if _, err := node.Init(d, n.Name); err != nil {
			power = "off"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", n.Name, n.Zone, network.NodeIP(n.Number), power, readiness[n.Name])
	}
	return errors.Join(table.Flush(), err, ended)
}

func programs(d state.Dir, table io.Writer) error {
	var errs []error
	fmt.Fprintln(table, "PROGRAM\tPID\tSTATE")
	for _, program := range controlplane.Programs {
		id, err := process.Recall(d, program)
		state := "running"
		if err != nil || !id.Alive() {
			state = "ended"
			errs = append(errs, fmt.Errorf("%s has ended, see %s", program, d.Logs(program+".log")))
		}
		fmt.Fprintf(table, "%s\t%d\t%s\n", program, id.PID, state)
	}
	return errors.Join(errs...)
}
