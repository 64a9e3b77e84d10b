// Command bulkhead-controller hears every node's agent, decides about faulty nodes, and takes them out of service,
// never more of them than the protection lock allows.
//
// Several may run: one leads, the others stand by with a warm view. It runs in the cluster it guards, or outside it
// with a kubeconfig. `bulkhead-controller cleanup` takes back everything Bulkhead has put into a cluster.
package main

import (
	"context"
	"errors"
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
	config     string
	kubeconfig string
	identity   string
	namespace  string
	apiServers []string
	version    bool
}

// run is main without the process: it returns when ctx ends, or at once when something keeps it from starting.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) > 0 && args[0] == "cleanup" {
		return cleanUp(ctx, args[1:], stdout)
	}
	f, err := parseFlags(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case f.version:
		fmt.Fprintln(stdout, version.Version)
		return nil
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

func parseFlags(args []string, stdout io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("bulkhead-controller", flag.ContinueOnError)
	set.SetOutput(stdout)
	set.StringVar(&f.config, "config", "", "configuration `file`; defaults without one")
	set.StringVar(&f.kubeconfig, "kubeconfig", "", "`file` with credentials; otherwise the pod's service account")
	set.StringVar(&f.identity, "identity", "", "`name` of this process among the controllers; otherwise the host name and a random suffix")
	set.StringVar(&f.namespace, "namespace", "", "namespace of the leader election's Lease; otherwise bulkhead-system")
	set.Func("api-server", "`host:port` to try when the configured API server does not answer; may be repeated", func(s string) error {
		f.apiServers = append(f.apiServers, strings.Split(s, ",")...)
		return nil
	})
	set.BoolVar(&f.version, "version", false, "print the version")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		return f, fmt.Errorf("%q is not a flag; see --help", set.Arg(0))
	}
	return f, nil
}

// configure reads the file and lets flags override it.
func configure(f flags) (config.Controller, error) {
	c, err := config.Load(f.config, config.DefaultController())
	if err != nil {
		return c, err
	}
	if f.kubeconfig != "" {
		c.Kubeconfig = f.kubeconfig
	}
	if f.namespace != "" {
		c.Namespace = f.namespace
	}
	if len(f.apiServers) > 0 {
		c.APIServers = f.apiServers
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
