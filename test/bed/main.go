package bed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
)

// LockFile is what users of this machine's one cluster take turns with; `flock` works on it too.
const LockFile = "/var/tmp/bulkhead-bed.lock"

// Reserve waits until nobody else uses this machine's cluster. The reservation ends with the process, or with release.
func (b *Bed) Reserve() (release func(), err error) {
	file, err := os.OpenFile(LockFile, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		fmt.Fprintf(b.Log, "another program uses this machine's test cluster; waiting for it (%s)\n", LockFile)
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX)
		if err != nil {
			return nil, fmt.Errorf("reserving the test cluster: %w", err)
		}
	}
	return func() { _ = file.Close() }, nil
}

// insideVariable marks the process that Main runs in the control plane's namespace.
const insideVariable = "BULKHEAD_BED_INSIDE"

// Inside says whether this process is the one that runs in the control plane's network namespace.
func Inside() bool { return os.Getenv(insideVariable) != "" }

// Main is for TestMain and for main of a benchmark. Called outside, it reserves the machine, brings a cluster up, runs
// this same binary with the same arguments in the control plane's namespace, takes the cluster down and returns the exit
// code; called inside, it runs run. With keep the cluster stays up.
func Main(o Options, keep func() bool, run func(*Bed) int) int {
	b, err := Find()
	if err != nil {
		return complain(err)
	}
	b.Log = os.Stderr
	if Inside() {
		klog.LogToStderr(false) // watches that break are ours to break
		klog.SetOutput(io.Discard)
		return run(b)
	}
	release, err := b.Reserve()
	if err != nil {
		return complain(err)
	}
	defer release()
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	if err := b.Up(ctx, o); err != nil {
		return complain(err)
	}
	if !keep() {
		// Also after Ctrl-C, so not with ctx.
		defer func() { _ = b.Down(context.Background()) }()
	}
	self, err := os.Executable()
	if err != nil {
		return complain(err)
	}
	return exitCode(b.again(ctx, self))
}

// again runs this binary once more, inside. The first Ctrl-C is the child's: it shares our terminal.
func (b *Bed) again(ctx context.Context, self string) error {
	cmd := b.InControlPlane(context.WithoutCancel(ctx), append([]string{self}, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	default:
		return complain(err)
	}
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}
