package main

import (
	"context"
	"fmt"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// window is how long a permit lasts in the demo. 30 minutes is the default, which nobody would watch.
const window = time.Minute

// values of the chart: a node is believed healthy again sooner than one would want it in earnest.
const values = `
agent:
  config:
    checks:
      defaults: {dwell: 5s}
`

// policy is a merge patch of the default policy.
const policy = `{"spec": {
  "budget": {"window": "1m"},
  "thresholds": {"correlationWindow": "30s"},
  "recovery": {"healthyFor": "10s"}
}}`

const (
	workload  = "hello"
	namespace = "default"
	replicas  = 6
)

// Spread over the nodes, and elsewhere when a node is isolated. The image is in every node.
const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: hello, namespace: default}
spec:
  replicas: 6
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector: {matchLabels: {app: hello}}
      containers:
        - name: hello
          image: test.bulkhead.dev/hello:1
          imagePullPolicy: Never
`

// setUp installs Bulkhead and the workload, and opens the view that everything is measured by.
func (s *story) setUp(ctx context.Context) error {
	s.say("Three real nodes are up. Installing Bulkhead: helm install bulkhead charts/bulkhead")
	if err := s.bed.LoadOurs(ctx); err != nil {
		return err
	}
	if err := s.bed.Install(ctx, values); err != nil {
		return err
	}
	if err := s.openView(ctx); err != nil {
		return err
	}
	s.say("The policy called default, made by the controller, gets short times: %s", policy)
	if err := s.patchPolicy(ctx); err != nil {
		return err
	}
	s.say("Deploying %s, %d replicas on 3 nodes", workload, replicas)
	if err := s.bed.Apply(ctx, manifest); err != nil {
		return err
	}
	at, err := s.until(ctx, time.Minute, "every node to be Healthy and the workload to run", func(state observe.State) error {
		for _, node := range nodes {
			if h := state.Health(node); h.State != v1alpha1.NodeHealthy {
				return fmt.Errorf("%s is %q", node, h.State)
			}
		}
		return runsOutside(state, "")
	})
	if err != nil {
		return err
	}
	s.note("installed, every node Healthy, workload running", at.Sub(s.began))
	return s.table(ctx)
}

func (s *story) openView(ctx context.Context) error {
	kube, bulkhead, err := observe.Clients()
	if err != nil {
		return err
	}
	s.view, err = observe.Start(ctx, kube, bulkhead)
	return err
}

// patchPolicy waits for the controller to have made the policy.
func (s *story) patchPolicy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		_, err := s.bed.Kubectl(ctx, "patch", "nodeisolationpolicy", v1alpha1.DefaultPolicyName, "--type=merge", "-p", policy)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the controller to make the default policy: %w", err)
		case <-time.After(time.Second):
		}
	}
}
