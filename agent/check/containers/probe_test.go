package containers

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

const socket = "/run/r.sock"

// machine is one runtime on one fake machine, and a probe of it.
type machine struct {
	t      *testing.T
	paths  host.Paths
	server *hosttest.CRI
	probe  *Probe

	mu     sync.Mutex // guards everything below
	socket string
}

func newMachine(t *testing.T, change ...func(*config.ContainersSubject)) *machine {
	t.Helper()
	m := &machine{t: t, paths: hosttest.NewMachine(t), socket: socket}
	m.server = hosttest.StartCRI(t, m.paths, socket)
	o := config.DefaultContainers()
	o.ReconcileEvery.Duration = time.Hour // only when a test says so
	for _, c := range change {
		c(&o)
	}
	doors := host.Open(m.paths)
	t.Cleanup(doors.Close)
	m.probe = New(o, func(context.Context) (string, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.socket == "" {
			return "", check.ErrNotApplicable
		}
		return m.socket, nil
	}, doors)
	return m
}

func (m *machine) endpoint(socket string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.socket = socket
}

func (m *machine) look() string {
	ctx, cancel := context.WithTimeout(m.t.Context(), 800*time.Millisecond)
	defer cancel()
	findings, err := m.probe.Probe(ctx)
	switch {
	case errors.Is(err, check.ErrNotApplicable):
		return "not applicable"
	case err != nil:
		return "unknown: " + err.Error()
	case len(findings) == 0:
		return "healthy"
	default:
		return string(findings[0].Reason)
	}
}

// watch runs Watch until the test ends, and again when it returns, as the runner does. It counts the calls of changed.
func (m *machine) watch() (changes func() int) {
	ctx, cancel := context.WithCancel(context.Background()) // it ends before the machine does
	done := make(chan struct{})
	var mu sync.Mutex
	count := 0
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_ = m.probe.Watch(ctx, func() {
				mu.Lock()
				defer mu.Unlock()
				count++
			})
			time.Sleep(10 * time.Millisecond)
		}
	}()
	m.t.Cleanup(func() { cancel(); <-done })
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return count
	}
}

// later lets the probe believe that time has passed: everything it remembers is so much older.
func (m *machine) later(d time.Duration) {
	m.probe.mu.Lock()
	defer m.probe.mu.Unlock()
	for _, c := range m.probe.state.containers {
		c.began, c.since = c.began.Add(-d), c.since.Add(-d)
		if !c.process.gone.IsZero() {
			c.process.gone = c.process.gone.Add(-d)
		}
	}
	for _, s := range m.probe.state.sandboxes {
		s.since = s.since.Add(-d)
	}
	m.probe.state.lastStart = m.probe.state.lastStart.Add(-d)
}

func (m *machine) pods(names ...string) {
	for _, name := range names {
		m.server.Pod(name, true)
		m.server.Run(name, "app", 0, time.Hour)
	}
}

func (m *machine) eventually(what string, is func() bool) {
	m.t.Helper()
	require.Eventually(m.t, is, 5*time.Second, time.Millisecond, what)
}

// followed waits until events arrive.
func (m *machine) followed() {
	m.t.Helper()
	m.eventually("the stream is open", func() bool { return m.server.Calls("GetContainerEvents") > 0 && m.server.Readers() > 0 })
	require.Equal(m.t, "healthy", m.look(), "reconciles when events begin")
}

func TestProbe_MostContainersExitTogetherAndNothingStarts(t *testing.T) {
	m := newMachine(t)
	m.pods("a", "b", "c", "d")
	changes := m.watch()
	m.followed()
	before := changes()
	for _, pod := range []string{"a", "b", "c"} {
		m.server.Exit(pod+"/app-0", 137)
	}
	m.eventually("told at once that most are gone", func() bool { return changes() > before })
	require.Len(t, m.probe.Pods(), 3)
	require.Equal(t, "healthy", m.look(), "the kubelet has half a minute")
	m.later(31 * time.Second)
	require.Equal(t, string(v1alpha1.ReasonContainersLost), m.look())

	before = changes()
	m.server.Run("a", "app", 1, 0)
	m.eventually("told at once that one was started", func() bool { return changes() > before })
	require.Equal(t, "healthy", m.look())
	require.Equal(t, 1, m.server.Calls("ListContainers"), "when events began, and none for events")
}

func TestProbe_ExitsOfSingleContainersCauseNoLook(t *testing.T) {
	m := newMachine(t)
	m.pods("a", "b", "c", "d")
	changes := m.watch()
	m.followed()
	before := changes()
	m.server.Exit("a/app-0", 1)
	m.eventually("it is known", func() bool { return len(m.probe.Pods()) == 1 })
	require.Equal(t, before, changes())
	got := m.probe.Pods()[0]
	require.Equal(t, PodFinding{
		Namespace: "default", Pod: "a", UID: "uid-a", Container: "app", Kind: Exited, ExitCode: 1, Since: got.Since,
	}, got)
}

func TestProbe_WithoutEventsTheListsTell(t *testing.T) {
	m := newMachine(t, func(o *config.ContainersSubject) { o.ReconcileEvery.Duration = time.Nanosecond })
	m.server.Mute()
	m.watch()
	m.pods("a", "b", "c", "d")
	require.Equal(t, "healthy", m.look())
	for _, pod := range []string{"a", "b", "c"} {
		m.server.Exit(pod+"/app-0", 137)
	}
	require.Equal(t, "healthy", m.look())
	require.Equal(t, 137, m.probe.Pods()[0].ExitCode, "asked for")
	m.later(31 * time.Second)
	require.Equal(t, string(v1alpha1.ReasonContainersLost), m.look())
	m.server.Run("a", "app", 1, 0)
	require.Equal(t, "healthy", m.look())
	m.eventually("it was asked for events", func() bool { return m.server.Calls("GetContainerEvents") > 0 })
	require.Equal(t, 1, m.server.Calls("GetContainerEvents"), "and not asked again for a while")
}

func TestProbe_EventsThatBreakOffAreMadeUpForByAList(t *testing.T) {
	m := newMachine(t)
	m.pods("a", "b", "c")
	m.watch()
	m.followed()
	m.server.Silently(func() { m.server.Exit("a/app-0", 1) })
	require.Empty(t, m.probe.Pods(), "lost")
	m.server.HangUp()
	m.eventually("found again", func() bool { return m.look() == "healthy" && len(m.probe.Pods()) == 1 })
}

func TestProbe_AFrozenRuntimeCannotTell(t *testing.T) {
	m := newMachine(t, func(o *config.ContainersSubject) { o.ReconcileEvery.Duration = time.Nanosecond })
	m.pods("a")
	require.Equal(t, "healthy", m.look())
	m.server.Freeze()
	require.Equal(t, "unknown: listing containers: it does not answer", m.look())
	m.server.Thaw()
	m.eventually("well again", func() bool { return m.look() == "healthy" })
	m.server.Kill()
	require.Contains(t, m.look(), "unknown")
}

func TestProbe_WhatIsRememberedWillDoWhileTheRuntimeRestarts(t *testing.T) {
	m := newMachine(t, func(o *config.ContainersSubject) { o.ReconcileEvery.Duration = 500 * time.Millisecond })
	m.pods("a")
	require.Equal(t, "healthy", m.look())
	m.server.Kill()
	m.probe.reconcileSoon()
	require.Equal(t, "healthy", m.look())
	m.eventually("it cannot tell for ever", func() bool { return strings.HasPrefix(m.look(), "unknown: listing containers") })
}

func TestProbe_FollowsTheKubeletToAnotherRuntime(t *testing.T) {
	m := newMachine(t)
	m.endpoint("")
	require.Equal(t, "not applicable", m.look())
	m.endpoint(socket)
	m.pods("a", "b", "c")
	require.Equal(t, "healthy", m.look())
	require.Len(t, m.probe.state.containers, 3)
	hosttest.StartCRI(t, m.paths, "/run/other.sock")
	m.endpoint("/run/other.sock")
	require.Equal(t, "healthy", m.look())
	require.Empty(t, m.probe.state.containers)
	hosttest.StartGRPC(t, m.paths, "/run/docker.sock")
	m.endpoint("/run/docker.sock")
	require.Equal(t, "not applicable", m.look())
}

func TestProbe_TheRuntimeSaysTheyRunAndTheirProcessesAreGone(t *testing.T) {
	m := newMachine(t, func(o *config.ContainersSubject) { o.ReconcileEvery.Duration = time.Nanosecond })
	for i, pod := range []string{"a", "b", "c", "d"} {
		m.pods(pod)
		m.server.PID(pod+"/app-0", 100+i)
		hosttest.Process{PID: 100 + i, Name: "app"}.Add(t, m.paths)
	}
	require.Equal(t, "healthy", m.look())
	require.Empty(t, m.probe.Pods())
	hosttest.Process{PID: 100, Name: "app", State: 'Z'}.Add(t, m.paths) // its shim is stopped
	hosttest.Reap(t, m.paths, 101)
	hosttest.Process{PID: 102, Name: "other", Started: 999}.Add(t, m.paths) // the PID is used again
	require.Equal(t, "healthy", m.look())
	require.Len(t, m.probe.Pods(), 3)
	m.later(3 * time.Minute)
	require.Equal(t, string(v1alpha1.ReasonContainersGone), m.look())

	m.server.Set("a/app-0", cri.ContainerState_CONTAINER_EXITED)
	require.Equal(t, "healthy", m.look(), "the runtime has noticed")
}

func TestProbe_WithoutTheHostsProcessesNobodyIsGone(t *testing.T) {
	m := newMachine(t, func(o *config.ContainersSubject) { o.ReconcileEvery.Duration = time.Nanosecond })
	m.pods("a", "b", "c")
	for i, pod := range []string{"a", "b", "c"} {
		m.server.PID(pod+"/app-0", 100+i)
	}
	for range 3 {
		require.Equal(t, "healthy", m.look())
		require.Empty(t, m.probe.Pods())
		m.later(time.Hour)
	}
}
