package main

import (
	"log/slog"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	kubescheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/bulkhead-dev/bulkhead/api/client"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
	"github.com/bulkhead-dev/bulkhead/internal/heartbeat/leasebeat"
	"github.com/bulkhead-dev/bulkhead/internal/kubeclient"
	"github.com/bulkhead-dev/bulkhead/internal/version"
)

// clients share one HTTP client, and with it connections, redialing and the server's clock. They differ in how fast
// they may ask: what decides and acts is never held up by what only shows.
type clients struct {
	api *kubeclient.Client

	kube     kubernetes.Interface // decides and acts: no limit of ours
	bulkhead client.Interface

	showKube     kubernetes.Interface // shows: events
	showBulkhead client.Interface     // shows: statuses

	beats rest.Interface // the pulse, the watch of beats, and a look at one before an act
	keeps rest.Interface // makes leases, up to the limit
}

func newClients(c config.Controller, log *slog.Logger) (*clients, error) {
	api, err := kubeclient.New(kubeclient.Options{
		Kubeconfig: c.Kubeconfig, Servers: c.APIServers, StateDir: c.StateDir, UserAgent: "bulkhead-controller/" + version.Version, Log: log,
	})
	if err != nil {
		return nil, err
	}
	k := &clients{api: api}
	fast := api.Config()
	fast.QPS = -1
	show := api.Config()
	show.QPS, show.Burst = 100, 200
	if k.kube, err = kubernetes.NewForConfigAndClient(protobuf(fast), api.HTTP()); err != nil {
		return nil, err
	}
	if k.bulkhead, err = client.NewForConfigAndClient(fast, api.HTTP()); err != nil {
		return nil, err
	}
	if k.showKube, err = kubernetes.NewForConfigAndClient(protobuf(show), api.HTTP()); err != nil {
		return nil, err
	}
	if k.showBulkhead, err = client.NewForConfigAndClient(show, api.HTTP()); err != nil {
		return nil, err
	}
	if k.beats, err = leasebeat.NewClient(api); err != nil {
		return nil, err
	}
	k.keeps, err = leasebeat.NewClient(api)
	return k, err
}

// protobuf is a quarter of JSON's work for Nodes and Leases. Our own kinds know JSON only.
func protobuf(c *rest.Config) *rest.Config {
	c = rest.CopyConfig(c)
	c.ContentType = runtime.ContentTypeProtobuf
	c.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	return c
}

// eventScheme knows every kind an Event may be about.
func eventScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := kubescheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return scheme, v1alpha1.AddToScheme(scheme)
}
