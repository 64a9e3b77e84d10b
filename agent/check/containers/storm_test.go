package containers

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
)

const (
	stormRoot  = "STORM_ROOT" // set: this process is the runtime
	stormPods  = 100
	exitsAtAll = 10_000 // a minute
)

// TestStorm_IsTheRuntime is the other process of TestStorm: so that the runtime's work is not counted as ours.
func TestStorm_IsTheRuntime(t *testing.T) {
	root := os.Getenv(stormRoot)
	if root == "" {
		return // nobody asked: TestStorm_ManyExitsAreNoFindingAndCostLittle does
	}
	server := hosttest.StartCRI(t, host.Paths{Root: root}, socket)
	for i := range stormPods {
		server.Pod(fmt.Sprint("p", i), true)
		server.Run(fmt.Sprint("p", i), "app", 0, time.Hour)
		server.Run(fmt.Sprint("p", i), "sidecar", 0, time.Hour)
	}
	tick := time.NewTicker(time.Minute / exitsAtAll)
	defer tick.Stop()
	for i := 0; ; i++ {
		<-tick.C
		id := fmt.Sprintf("p%d/app-0", i%stormPods)
		server.Exit(id, 1)
		server.Start(id)
	}
}

// TestStorm_ManyExitsAreNoFindingAndCostLittle: 10 000 exits and as many starts a minute, each event with the status of
// its pod's containers.
func TestStorm_ManyExitsAreNoFindingAndCostLittle(t *testing.T) {
	m := newMachine(t)
	m.server.Kill()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStorm_IsTheRuntime$") //nolint:gosec // ourselves
	command.Env = append(os.Environ(), stormRoot+"="+m.paths.Root)
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	m.eventually("the runtime is up", func() bool { m.probe.reconcileSoon(); return m.look() == "healthy" && m.known() > 0 })

	changes := m.watch()
	m.eventually("events arrive", func() bool { return !m.started().IsZero() })
	m.look()
	lasts := 3 * time.Second
	before, begin, told := cpu(), time.Now(), changes()
	for end := time.NewTimer(lasts); ; {
		select {
		case <-time.After(100 * time.Millisecond):
			require.Equal(t, "healthy", m.look())
			continue
		case <-end.C:
		}
		break
	}
	used := cpu() - before
	t.Logf("%.1f mCPU, ten looks a second included; looks asked for by events: %d",
		1000*used.Seconds()/time.Since(begin).Seconds(), changes()-told)
	require.Zero(t, changes()-told, "no single exit causes a look")
}

func (m *machine) known() int {
	m.probe.mu.Lock()
	defer m.probe.mu.Unlock()
	return len(m.probe.state.containers)
}

func (m *machine) started() time.Time {
	m.probe.mu.Lock()
	defer m.probe.mu.Unlock()
	return m.probe.state.lastStart
}

func cpu() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
