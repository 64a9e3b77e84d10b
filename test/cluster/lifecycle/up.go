package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/cluster/controlplane"
	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/node"
	"github.com/bulkhead-dev/bulkhead/test/cluster/pki"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

// Up brings a cluster up and returns when every node is ready and reaches the
// API server through its service. If that fails, or ctx ends, it takes down what
// it made and keeps the logs.
func Up(ctx context.Context, d state.Dir, o Options, binaries state.Binaries, out io.Writer) (err error) {
	if err := refuseSecond(d); err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		fmt.Fprintln(out, "taking down what was started; logs are kept in", d.Path(failedLogs))
		keepLogs(d)
		err = errors.Join(err, Down(d))
	}()

	u := &up{Dir: d, options: o, clock: newClock(out)}
	u.cluster = state.Cluster{Started: time.Now().UTC(), Binaries: binaries, Nodes: o.nodes()}
	u.plane = controlplane.ControlPlane{Dir: d, Binaries: binaries.Kube, Flags: o.Flags}
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"certificates", u.writeCredentials},
		{"network", func(context.Context) error { return network.Up() }},
		{"control plane ready", u.plane.Start},
		{"nodes booted", u.bootNodes},
		{"nodes ready", u.nodesReady},
		{"services reachable from every node", u.servicesReachable},
		{"default service account", u.accountExists},
	}
	if err := state.Save(d, u.cluster); err != nil {
		return err
	}
	if err := raiseInotify(d, o.Nodes); err != nil {
		return err
	}
	for _, step := range steps {
		if err := step.do(ctx); err != nil {
			return err
		}
		u.clock.lap(step.name)
	}
	u.cluster.Ready = true
	if err := state.Save(d, u.cluster); err != nil {
		return err
	}
	u.clock.total("the cluster is up")
	return nil
}

type up struct {
	Dir     state.Dir
	options Options
	cluster state.Cluster
	plane   controlplane.ControlPlane
	clock   *clock
}

func (u *up) writeCredentials(context.Context) error {
	var nodes []string
	for _, n := range u.cluster.Nodes {
		nodes = append(nodes, n.Name)
	}
	store := pki.Store{Dir: u.Dir.PKI(), Server: "https://" + controlplane.Server}
	return pki.Write(store, pki.Names{Nodes: nodes, Hosts: []string{
		"127.0.0.1", network.ControlPlaneIP, network.KubernetesIP, "localhost", "kube-apiserver",
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}})
}

// bootNodes boots all nodes at once.
func (u *up) bootNodes(ctx context.Context) error {
	errs := make([]error, len(u.cluster.Nodes))
	var group sync.WaitGroup
	for i, n := range u.cluster.Nodes {
		group.Go(func() {
			spec, err := node.NewSpec(u.Dir, u.cluster, n)
			if err == nil {
				err = spec.Boot(ctx)
			}
			errs[i] = err
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// refuseSecond returns an error if there is a cluster, or what a crash left of one.
func refuseSecond(d state.Dir) error {
	cluster, err := state.Load(d)
	if err == nil {
		what := "a cluster is up already"
		if !cluster.Ready {
			what = "a cluster was left half way up"
		}
		return fmt.Errorf("%s, started %s: run `cluster down` first", what, cluster.Started.Local().Format(time.DateTime))
	}
	if !errors.Is(err, state.ErrDown) {
		return fmt.Errorf("%w: run `cluster down` first", err)
	}
	left, err := network.Ours()
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("network namespaces of an earlier cluster are left, %v: run `cluster down` first", left)
	}
	return nil
}
