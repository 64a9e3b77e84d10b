package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"k8s.io/client-go/kubernetes"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/controller/cleanup"
	"github.com/bulkhead-dev/bulkhead/internal/kubeclient"
	"github.com/bulkhead-dev/bulkhead/internal/logging"
	"github.com/bulkhead-dev/bulkhead/internal/version"
)

// cleanUp is `bulkhead-controller cleanup`.
func cleanUp(ctx context.Context, args []string, stdout io.Writer) error {
	o := cleanup.DefaultOptions()
	set := flag.NewFlagSet("bulkhead-controller cleanup", flag.ContinueOnError)
	set.SetOutput(stdout)
	kubeconfig := set.String("kubeconfig", "", "`file` with credentials; otherwise the pod's service account")
	set.StringVar(&o.Namespace, "namespace", o.Namespace, "namespace the controllers run in")
	set.DurationVar(&o.Patience, "patience", o.Patience, "how long to wait for controllers' pods to end")
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case set.NArg() > 0:
		return fmt.Errorf("%q is not a flag; see --help", set.Arg(0))
	}
	log, err := logging.Setup(stdout, logging.Default())
	if err != nil {
		return err
	}
	o.Log = log
	api, err := kubeclient.New(kubeclient.Options{Kubeconfig: *kubeconfig, UserAgent: "bulkhead-cleanup/" + version.Version, Log: log})
	if err != nil {
		return err
	}
	kube, err := kubernetes.NewForConfigAndClient(api.Config(), api.HTTP())
	if err != nil {
		return err
	}
	bulkhead, err := client.NewForConfigAndClient(api.Config(), api.HTTP())
	if err != nil {
		return err
	}
	return cleanup.Run(ctx, kube, bulkhead, o)
}
