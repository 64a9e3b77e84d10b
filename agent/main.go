// Command bulkhead-agent looks at one node from the inside and tells the cluster what it sees.
//
// It runs on every node, as a DaemonSet pod or as a systemd unit on the host. It decides nothing: the controller does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/network"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
	"github.com/bulkhead-dev/bulkhead/internal/logging"
	"github.com/bulkhead-dev/bulkhead/internal/version"
)

// gcPercent is half of Go's default, by which a heap with 0.9 MB in use grows to 4.2 MB before it is collected. With 50 it
// is 2.5 MB, which takes 2 MB of memory off; 25 took no more.
const gcPercent = 50

func main() {
	debug.SetGCPercent(gcPercent)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bulkhead-agent:", err)
		os.Exit(1)
	}
}

// errUnhealthy is the outcome of --once for scripts; people have the table.
var errUnhealthy = errors.New("at least one check is Unhealthy")

type flags struct {
	config.Flags

	nodeName string
	once     bool
	looks    int
}

// run is main without the process: it returns when ctx ends, or at once when something keeps it from starting.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	var f flags
	if done, err := f.Parse("bulkhead-agent", args, stdout, f.own); done || err != nil {
		return err
	}
	c, err := configure(f)
	if err != nil {
		return err
	}
	if f.once {
		return once(ctx, c, f.looks, stdout)
	}
	log, err := logging.Setup(stdout, c.Log)
	if err != nil {
		return err
	}
	a, err := wire(c, func() bool { return ctx.Err() != nil }, log)
	if err != nil {
		return err
	}
	defer a.close()
	log.Info("agent started", "node", c.NodeName, "version", version.Version, "checks", names(a.checks))
	return a.run(ctx)
}

// own are the flags of the agent alone.
func (f *flags) own(set *flag.FlagSet) {
	set.StringVar(&f.nodeName, "node-name", "", "the Node this agent speaks for; otherwise NODE_NAME, otherwise the host name")
	set.BoolVar(&f.once, "once", false, "print what the checks see now, without any cluster; fails if one is Unhealthy")
	set.IntVar(&f.looks, "looks", 1, "with --once: look this often, one check after the other, and print the median `times`")
}

// configure reads the file and lets flags and environment override it.
func configure(f flags) (config.Agent, error) {
	c, err := config.Load(f.File, config.DefaultAgent())
	if err != nil {
		return c, err
	}
	f.Override(&c.Kubeconfig, &c.APIServers)
	if c.NodeName, err = nodeName(f.nodeName, os.Getenv("NODE_NAME"), c.NodeName); err != nil {
		return c, err
	}
	return c, c.Validate()
}

// nodeName is the first that is set, else the host name as the kubelet spells it.
func nodeName(candidates ...string) (string, error) {
	for _, name := range candidates {
		if name != "" {
			return name, nil
		}
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("finding the node's name: %w; give --node-name", err)
	}
	return strings.ToLower(strings.TrimSpace(name)), nil
}

// once prints one look at everything, or the last of several and what one took.
func once(ctx context.Context, c config.Agent, looks int, stdout io.Writer) error {
	if looks < 1 {
		return fmt.Errorf("--looks %d: look at least once", looks)
	}
	doors := host.Open(host.Paths{Root: c.HostRoot})
	defer doors.Close()
	list, err := checks(c.Checks, doors, network.Cluster{})
	if err != nil {
		return err
	}
	table := check.Once(ctx, list)
	if looks > 1 {
		table = check.Repeated(ctx, list, looks)
	}
	if _, err := table.WriteTo(stdout); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	if table.Worst() == check.Unhealthy {
		return errUnhealthy
	}
	return nil
}
