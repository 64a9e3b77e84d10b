//go:build linux

// Command cluster runs a real Kubernetes cluster on one Linux machine, and does
// harm to it on request. `cluster --help` lists its verbs.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/bulkhead-dev/bulkhead/test/cluster/node"
)

func init() {
	// What becomes another program inside a namespace has to do so on the main
	// thread, and so has to be there from the beginning.
	runtime.LockOSThread()
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == node.InitVerb {
		fail(node.BecomeInit(os.Args[2]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second Ctrl-C ends the command at once.
	context.AfterFunc(ctx, stop)
	if err := root().ExecuteContext(ctx); err != nil {
		fail(err)
	}
}

// fail ends the command. A program that was run in the cluster and failed has
// said why itself, so only its exit code is passed on.
func fail(err error) {
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // a tool that failed inside one of our steps is our failure
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			os.Exit(128 + int(status.Signal()))
		}
		os.Exit(exit.ExitCode())
	}
	fmt.Fprintln(os.Stderr, "cluster:", err)
	os.Exit(1)
}
