// Package bed is the test bed: it drives the test cluster of test/cluster through that program's command line, for
// end-to-end tests, benchmarks and the demo.
//
// A bed is a claim on this machine's one cluster. Reserve takes a lock that other users of the machine wait for; Down
// gives the machine back. Everything that does harm returns the time just before the harm was done, so that a latency
// measured from it is never too short.
//
// A test binary that wants to speak to the API server has to live in the control plane's network namespace. Main
// arranges that: outside of it brings the cluster up and runs the same binary again inside.
package bed
