package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/bulkhead-dev/bulkhead/internal/version"
)

// Flags are those that every program of ours takes.
type Flags struct {
	File       string   // --config
	Kubeconfig string   // --kubeconfig
	APIServers []string // --api-server
	Version    bool     // --version
}

// Parse reads the arguments of the named program; more adds flags of its own. It returns true if nothing is left to be
// done: help or the version was asked for, and written to stdout.
func (f *Flags) Parse(program string, args []string, stdout io.Writer, more func(*flag.FlagSet)) (done bool, err error) {
	set := flag.NewFlagSet(program, flag.ContinueOnError)
	set.SetOutput(stdout)
	set.StringVar(&f.File, "config", "", "configuration `file`; defaults without one")
	set.StringVar(&f.Kubeconfig, "kubeconfig", "", "`file` with credentials; otherwise the pod's service account")
	set.Func("api-server", "`host:port` to try when the configured API server does not answer; may be repeated", func(s string) error {
		f.APIServers = append(f.APIServers, strings.Split(s, ",")...)
		return nil
	})
	set.BoolVar(&f.Version, "version", false, "print the version")
	more(set)
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return true, nil
	case err != nil:
		return true, err
	case set.NArg() > 0:
		return true, fmt.Errorf("%q is not a flag; see --help", set.Arg(0))
	case f.Version:
		_, err := fmt.Fprintln(stdout, version.Version)
		return true, err
	}
	return false, nil
}

// Override lets the flags that were given take the place of what the file says.
func (f *Flags) Override(kubeconfig *string, apiServers *[]string) {
	if f.Kubeconfig != "" {
		*kubeconfig = f.Kubeconfig
	}
	if len(f.APIServers) > 0 {
		*apiServers = f.APIServers
	}
}
