// Package integration proves what only a real API server can: rules of the CRDs, admission, columns, compare-and-swap,
// watches, and what our programs say when something they need is missing.
//
// It brings a cluster of one node up by itself and runs inside of the control plane's network namespace:
//
//	go test -tags integration -count=1 ./test/integration
package integration
