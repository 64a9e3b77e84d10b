// Command bulkhead-controller hears every node's agent, decides about faulty nodes, and takes them out of service,
// never more of them than the protection lock allows.
//
// Several may run: one leads, the others stand by with a warm view. It runs in the cluster it guards, or outside it
// with a kubeconfig. `bulkhead-controller cleanup` takes back everything Bulkhead has put into a cluster.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/internal/config"
	"github.com/bulkhead-dev/bulkhead/internal/logging"
	"github.com/bulkhead-dev/bulkhead/internal/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bulkhead-controller:", err)
		os.Exit(1)
	}
}

type flags struct {
	config.Flags

	identity  string
	namespace string
}

// run is main without the process: it returns when ctx ends, or at once when something keeps it from starting.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) > 0 && args[0] == "cleanup" {
		return cleanUp(ctx, args[1:], stdout)
	}
	var f flags
	if done, err := f.Parse("bulkhead-controller", args, stdout, f.own); done || err != nil {
		return err
	}
	c, err := configure(f)
	if err != nil {
		return err
	}
	log, err := logging.Setup(stdout, c.Log)
	if err != nil {
		return err
	}
	k, err := wire(c, log)
	if err != nil {
		return err
	}
	log.Info("controller started", "identity", c.Identity, "version", version.Version)
	return k.run(ctx)
}

// own are the flags of the controller alone.
func (f *flags) own(set *flag.FlagSet) {
	set.StringVar(&f.identity, "identity", "", "`name` of this process among the controllers; otherwise the host name and a random suffix")
	set.StringVar(&f.namespace, "namespace", "", "namespace of the leader election's Lease; otherwise bulkhead-system")
}

// configure reads the file and lets flags override it.
func configure(f flags) (config.Controller, error) {
	c, err := config.Load(f.File, config.DefaultController())
	if err != nil {
		return c, err
	}
	f.Override(&c.Kubeconfig, &c.APIServers)
	if f.namespace != "" {
		c.Namespace = f.namespace
	}
	if f.identity != "" {
		c.Identity = f.identity
	}
	if c.Identity == "" {
		if c.Identity, err = identity(); err != nil {
			return c, err
		}
	}
	c.DefaultPolicy.Default()
	if err := census.Validate(v1alpha1.DefaultPolicyName, c.DefaultPolicy, c.Beats.MinPeriod.Duration); err != nil {
		return c, fmt.Errorf("defaultPolicy: %w", err)
	}
	return c, c.Validate()
}

// identity is new with every process: a restarted controller is another one, and its predecessor's pulse is not its own.
func identity() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("finding a name for this process: %w; give --identity", err)
	}
	return strings.ToLower(strings.TrimSpace(host)) + "-" + rand.String(5), nil
}
