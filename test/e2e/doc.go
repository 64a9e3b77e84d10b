// Package e2e shows on real nodes what Bulkhead does to a faulty one, and what it leaves alone.
//
//	make test-e2e                                        everything
//	make test-e2e ARGS='-run TestE2E/containerd_stopped' one case
//	go test -tags e2e ./test/e2e -keep                   leaves the cluster up
//	go test -tags e2e ./test/e2e -results                writes docs/results/e2e.md too
//
// It brings a cluster of four nodes up by itself, installs the chart and runs the cases of cases_test.go one after the
// other; each begins with a verified clean state. On n1 to n3 the agent is the chart's DaemonSet. n4 has none at first,
// then one as a systemd unit. The controllers are the chart's Deployment, or, where a case says outside, two processes in
// the control plane's network namespace, so that no fault of a node can take the controller along.
//
// No case passes because nobody was looking: a case that expects no isolation also waits until the fault was seen, and
// that a leader renews its Lease is checked before and after.
package e2e
