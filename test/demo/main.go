// Command demo shows Bulkhead's main job on real nodes: a daemon dies, its node is isolated and its pods run elsewhere; a
// second fault inside the window is withheld; the first node heals and is released; when the window is over the second
// is decided afresh. Every time it prints was measured while it ran.
//
//	demo          leaves the cluster up, to play with
//	demo --down   takes it down, also when something went wrong
//
// It fails if anything it shows does not happen.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/bed"
)

// failed is the exit code of a demo that ran and did not show what it should. 1 means that it could not run.
const failed = 3

// patience bounds the whole story; each step has a bound of its own.
const patience = 8 * time.Minute

func main() {
	down := flag.Bool("down", false, "take the cluster down at the end")
	flag.Parse()
	if !bed.Inside() {
		if err := prepare(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, elsewhere(err))
			os.Exit(1)
		}
	}
	code := bed.Main(bed.Options{}, func() bool { return !*down }, show)
	if code == 1 && !bed.Inside() {
		fmt.Fprintln(os.Stderr, elsewhere(errors.New("it did not come up, see above")))
	}
	os.Exit(code)
}

// elsewhere is the one line for a machine that cannot host the test cluster.
func elsewhere(err error) string {
	return fmt.Sprintf("This machine cannot host the test cluster: %v. On a cluster of your own: "+
		"helm install bulkhead charts/bulkhead --namespace bulkhead-system --create-namespace (see README.md).", err)
}

// prepare builds what is missing: minutes on a bare machine, seconds on a warm one.
func prepare(out io.Writer) error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("it runs %s and not Linux", runtime.GOOS)
	}
	if os.Geteuid() != 0 {
		return errors.New("nodes need root")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	build := exec.CommandContext(ctx, "make", "cluster-build", "images")
	build.Stdout, build.Stderr = out, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("`make cluster-build images` failed, see above: %w", err)
	}
	return nil
}

func show(b *bed.Bed) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s := &story{bed: b, out: os.Stdout, began: time.Now()}
	err := s.tell(ctx)
	s.summary(err)
	if err != nil {
		return failed
	}
	return 0
}
