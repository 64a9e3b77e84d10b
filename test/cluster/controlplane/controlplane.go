// Package controlplane runs etcd, kube-apiserver, kube-controller-manager and
// kube-scheduler as plain processes in a network namespace.
//
// Their flags are in files/, one on each line.
package controlplane

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/cluster/kubeapi"
	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/pki"
	"github.com/bulkhead-dev/bulkhead/test/cluster/process"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
	"github.com/bulkhead-dev/bulkhead/test/cluster/wait"
)

// Server is the address of the API server, as the nodes see it.
const Server = network.ControlPlaneIP + ":6443"

// Programs in the order they start.
var Programs = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}

// ControlPlane is what to start.
type ControlPlane struct {
	Dir      state.Dir
	Binaries string              // folder with one entry for each of Programs
	Flags    map[string][]string // further flags by program
}

// Start starts the control plane and returns when the API server is ready to
// serve and the other two are running.
func (c ControlPlane) Start(ctx context.Context) error {
	if err := c.prepare(); err != nil {
		return err
	}
	for _, program := range Programs[:2] {
		if err := c.start(program); err != nil {
			return err
		}
	}
	client, err := kubeapi.New(c.Dir, network.ControlPlaneNamespace, Server)
	if err != nil {
		return err
	}
	// The controller manager ends for good if it comes before the bootstrap
	// roles; readyz waits for them.
	if err := c.await(ctx, "the API server to be ready", client.Ready); err != nil {
		return err
	}
	for _, program := range Programs[2:] {
		if err := c.start(program); err != nil {
			return err
		}
	}
	binding, err := files.ReadFile("files/kubelet-admin.json")
	if err != nil {
		return err
	}
	path := "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
	if err := client.Create(ctx, path, binding, nil); err != nil {
		return fmt.Errorf("binding %s: %w", pki.KubeletClient, err)
	}
	return nil
}

// Check returns an error if one of the programs has ended, with the end of its
// log: they end without a word to anybody else.
func (c ControlPlane) Check() error {
	recorded := process.Recorded(c.Dir)
	for _, program := range Programs {
		if id, ok := recorded[program]; ok && !id.Alive() {
			return fmt.Errorf("%s has ended:\n%s", program, wait.Tail(c.Dir.Logs(program+".log"), 10))
		}
	}
	return nil
}

func (c ControlPlane) prepare() error {
	policy, err := files.ReadFile("files/audit-policy.yaml")
	if err != nil {
		return err
	}
	return state.WriteFile(c.Dir.ControlPlane("audit-policy.yaml"), policy, 0o644)
}

func (c ControlPlane) start(program string) error {
	arguments, err := flags(program, valuesFor(c.Dir), c.Flags[program])
	if err != nil {
		return err
	}
	_, err = process.Start(c.Dir, process.Daemon{
		Name:      program,
		Argv:      append([]string{filepath.Join(c.Binaries, program)}, arguments...),
		Namespace: network.ControlPlaneNamespace,
		Log:       c.Dir.Logs(program + ".log"),
	})
	return err
}

// await polls for a condition, and gives up as soon as a program has ended.
func (c ControlPlane) await(ctx context.Context, what string, condition func(context.Context) error) error {
	return wait.For(ctx, what, 3*time.Minute, func(ctx context.Context) error {
		if err := c.Check(); err != nil {
			return wait.Never(err)
		}
		return condition(ctx)
	})
}
