//go:build daemons

package netfilter

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// enter gives the test a network namespace of its own, which ends with the test's thread. Programs it starts are in it.
func enter(t testing.TB) {
	t.Helper()
	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
	require.NoError(t, unix.Unshare(unix.CLONE_NEWNET))
	t.Setenv("XTABLES_LOCKFILE", t.TempDir()+"/lock") // the machine's own would serialize us with its iptables
}

// inTheSame runs something in another thread of the namespace, until the test ends.
func inTheSame(t testing.TB, run func(ctx context.Context)) {
	t.Helper()
	file, err := os.Open("/proc/thread-self/ns/net")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			t.Errorf("entering the namespace: %v", err)
			return
		}
		run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = file.Close()
	})
}

// theMachines is the network namespace that no test may touch.
var theMachines = namespace()

func namespace() string {
	name, _ := os.Readlink("/proc/thread-self/ns/net")
	return name
}

// sh runs a line of shell with an optional input.
func sh(t testing.TB, line string, input ...string) {
	t.Helper()
	require.NoError(t, shell(t.Context(), line, input...))
}

func shell(ctx context.Context, line string, input ...string) error {
	if namespace() == theMachines { // a goroutine that did not enter: of require.Eventually, for example
		return errors.New("this would be done to the machine's own rules: " + line)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-ec", line)
	cmd.Stdin = strings.NewReader(strings.Join(input, ""))
	if out, err := cmd.CombinedOutput(); err != nil {
		return &shellError{line: line, out: string(out), err: err}
	}
	return nil
}

type shellError struct {
	line, out string
	err       error
}

func (e *shellError) Error() string { return e.line + ": " + e.err.Error() + "\n" + e.out }

// newProbe looks at this thread's namespace. No process of this machine writes its rules.
func newProbe(t testing.TB) *Probe {
	t.Helper()
	o := config.DefaultChecks().Netfilter
	doors := host.Doors{Netfilter: host.NewNetfilter(host.Paths{}), HTTP: host.NewHTTP(host.Paths{}), Processes: host.NewProcesses(host.Paths{})}
	t.Cleanup(doors.Netfilter.Close)
	p := New(o, doors)
	p.searches = map[string]Search{KubeProxy: nobody{}, Calico: nobody{}}
	return p
}

type nobody struct{}

func (nobody) Find(context.Context, host.Pattern) (host.Process, error) {
	return host.Process{}, host.ErrNoProcess
}

func look(t testing.TB, p *Probe) ([]check.Finding, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	return p.Probe(ctx)
}

func requireWell(t testing.TB, p *Probe) {
	t.Helper()
	findings, err := look(t, p)
	require.NoError(t, err)
	require.Empty(t, findings)
}

func replaced(line, old, with string) string { return strings.ReplaceAll(line, old, with) }
