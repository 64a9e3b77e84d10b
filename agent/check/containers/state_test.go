package containers

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

func listed(name string, attempt uint32, state host.ContainerState, age time.Duration) host.Container {
	return host.Container{
		ID: fmt.Sprint(name, attempt), Sandbox: "pod", Name: name, Attempt: attempt, State: state, Created: ago(age),
	}
}

func aList(asked time.Duration, all ...host.Container) listing {
	return listing{asked: ago(asked), containers: all, sandboxes: []host.Sandbox{{ID: "pod", Ready: true}}}
}

func TestTake_ANewerAttemptReplacesAContainer(t *testing.T) {
	s := newState()
	s.take(aList(0, listed("a", 0, host.ContainerExited, time.Hour), listed("a", 1, host.ContainerRunning, time.Minute), listed("b", 0, host.ContainerExited, time.Hour)), now, MaxContainers)
	require.True(t, s.containers["a0"].replaced)
	require.False(t, s.containers["a1"].replaced)
	require.False(t, s.containers["b0"].replaced)
}

func TestTake_AnEventIsNewerThanAListAskedForBeforeIt(t *testing.T) {
	s := newState()
	s.take(aList(10*time.Second, listed("a", 0, host.ContainerRunning, time.Hour)), ago(10*time.Second), MaxContainers)
	s.happened(host.ContainerEvent{ID: "a0", Kind: host.ContainerStopped, ExitCode: 3}, ago(time.Second))
	s.take(aList(2*time.Second, listed("a", 0, host.ContainerRunning, time.Hour)), now, MaxContainers)
	require.Equal(t, host.ContainerExited, s.containers["a0"].state)
	require.Equal(t, 3, s.containers["a0"].exitCode)
	require.Equal(t, ago(time.Second), s.containers["a0"].since)

	s.take(aList(0, listed("a", 0, host.ContainerRunning, time.Hour)), now, MaxContainers)
	require.Equal(t, host.ContainerRunning, s.containers["a0"].state, "a list asked for later corrects an event")
}

func TestTake_KnowsHowLongAContainerRan(t *testing.T) {
	s := newState()
	s.take(aList(0, listed("a", 0, host.ContainerRunning, time.Hour)), now, MaxContainers)
	s.take(aList(0, listed("a", 0, host.ContainerExited, time.Hour)), now.Add(time.Minute), MaxContainers)
	require.Equal(t, 61*time.Minute, s.containers["a0"].ranFor)
	require.Equal(t, now.Add(time.Minute), s.containers["a0"].since)
}

func TestTake_TheFirstListStartsNothingAndLaterOnesDo(t *testing.T) {
	s := newState()
	s.take(aList(0, listed("a", 0, host.ContainerRunning, time.Minute)), now, MaxContainers)
	require.Zero(t, s.lastStart)
	s.take(aList(0, listed("a", 0, host.ContainerRunning, time.Minute), listed("b", 0, host.ContainerCreated, 0)), now, MaxContainers)
	require.Zero(t, s.lastStart, "created is not started")
	s.take(aList(0, listed("c", 0, host.ContainerExited, 4*time.Second)), now, MaxContainers)
	require.Equal(t, ago(4*time.Second), s.lastStart, "it started and ended between two lists")
}

func TestTake_AClockSetBackMakesNothingYoungerThanNow(t *testing.T) {
	s := newState()
	s.take(aList(0, listed("a", 0, host.ContainerRunning, -time.Hour)), now, MaxContainers)
	require.Equal(t, now, s.containers["a0"].began)
}

func TestTake_MemoryIsBounded(t *testing.T) {
	var all []host.Container
	for i := range 30 {
		all = append(all, listed(fmt.Sprint("c", i, "-"), 0, host.ContainerRunning, time.Hour))
	}
	s := newState()
	s.take(aList(0, all...), now, 20)
	require.Len(t, s.containers, 20)
	require.Equal(t, 10, s.dropped)
	for i := range 1000 {
		s.happened(host.ContainerEvent{ID: fmt.Sprint("unknown", i), Kind: host.ContainerStarted}, now)
	}
	require.Len(t, s.containers, 20, "events add nothing")
	s.take(aList(0, all[:3]...), now, 20)
	require.Len(t, s.containers, 3)
	require.Zero(t, s.dropped)
}

func TestTake_ANewStateIsAskedAboutAnew(t *testing.T) {
	s := newState()
	s.take(aList(0, listed("a", 0, host.ContainerRunning, time.Hour)), now, MaxContainers)
	s.containers["a0"].asked, s.containers["a0"].process = true, process{main: host.Process{PID: 7}, gone: now}
	s.take(aList(0, listed("a", 0, host.ContainerExited, time.Hour)), now, MaxContainers)
	require.False(t, s.containers["a0"].asked)
	require.Zero(t, s.containers["a0"].process)
}

func TestHappened_TheEndOfASandboxMakesItNotReady(t *testing.T) {
	s := newState()
	s.take(aList(0), now, MaxContainers)
	s.happened(host.ContainerEvent{ID: "pod", Kind: host.ContainerStopped}, now.Add(time.Second))
	require.False(t, s.sandboxes["pod"].Ready)
	require.Equal(t, now.Add(time.Second), s.sandboxes["pod"].since)
}
