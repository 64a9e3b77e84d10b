package containers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

var limits = Limits{
	MinPods: 3, LostPercent: 50, LostWithin: 10 * time.Second, LostAfter: 30 * time.Second,
	StableAfter: 10 * time.Minute, StuckAfter: 2 * time.Minute,
}

// now is when the tests look.
var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// A node is a state written down: one pod after the other, each with one container.
type node struct {
	*state
	pods int
}

func aNode(change ...func(*node)) *state {
	n := &node{state: newState()}
	n.lastStart = ago(time.Hour)
	for _, c := range change {
		c(n)
	}
	return n.state
}

// with adds pods of one container each, changed as said.
func with(pods int, change ...func(*container, *sandbox)) func(*node) {
	return func(n *node) {
		for range pods {
			n.pods++
			id := fmt.Sprint("pod", n.pods)
			pod := &sandbox{Sandbox: host.Sandbox{ID: id, Namespace: "default", Pod: id, UID: "uid-" + id, Ready: true}, since: ago(time.Hour)}
			c := &container{
				id: id + "/app", sandbox: id, name: "app", state: host.ContainerRunning, wasRunning: true,
				began: ago(time.Hour), since: ago(time.Hour), exitCode: notAsked,
			}
			for _, f := range change {
				f(c, pod)
			}
			n.sandboxes[id], n.containers[c.id] = pod, c
		}
	}
}

func exited(at, ranFor time.Duration) func(*container, *sandbox) {
	return func(c *container, _ *sandbox) {
		c.state, c.since, c.ranFor, c.exitCode = host.ContainerExited, ago(at), ranFor, 137
	}
}

func in(state host.ContainerState, since time.Duration) func(*container, *sandbox) {
	return func(c *container, _ *sandbox) { c.state, c.since = state, ago(since) }
}

func notReady(since time.Duration) func(*container, *sandbox) {
	return func(_ *container, pod *sandbox) { pod.Ready, pod.since = false, ago(since) }
}

func gone(since time.Duration) func(*container, *sandbox) {
	return func(c *container, _ *sandbox) { c.process = process{main: host.Process{PID: 7}, gone: ago(since)} }
}

func replaced(c *container, _ *sandbox) { c.replaced = true }

func lastStart(at time.Duration) func(*node) {
	return func(n *node) { n.lastStart = ago(at) }
}

// inOnePod moves all containers into the first pod.
func inOnePod(n *node) {
	for _, c := range n.containers {
		c.sandbox = "pod1"
		c.name = c.id
	}
}

// TestJudge is the specification of package containers.
func TestJudge(t *testing.T) {
	const (
		second = time.Second
		minute = time.Minute
		hour   = time.Hour
	)
	for name, c := range map[string]struct {
		node *state
		want v1alpha1.Reason
	}{
		"nothing runs":                           {node: aNode()},
		"everything runs":                        {node: aNode(with(10))},
		"one container":                          {node: aNode(with(9), with(1, exited(hour, hour)))},
		"most exited":                            {node: aNode(with(4), with(5, exited(31*second, hour))), want: v1alpha1.ReasonContainersLost},
		"all exited":                             {node: aNode(with(3, exited(31*second, hour))), want: v1alpha1.ReasonContainersLost},
		"half exited":                            {node: aNode(with(5), with(5, exited(31*second, hour)))},
		"most, not for 30s":                      {node: aNode(with(4), with(5, exited(29*second, hour)))},
		"most, and one was started since":        {node: aNode(with(4), with(5, exited(31*second, hour)), lastStart(20*second))},
		"most, and the last start was before":    {node: aNode(with(4), with(5, exited(31*second, hour)), lastStart(32*second)), want: v1alpha1.ReasonContainersLost},
		"most, and they were replaced":           {node: aNode(with(4), with(5, exited(31*second, hour), replaced))},
		"most, crashing in a loop":               {node: aNode(with(4), with(5, exited(31*second, 9*minute)))},
		"most, of pods that end":                 {node: aNode(with(4), with(5, exited(31*second, hour), notReady(31*second)))},
		"most, of sandboxes nobody listed":       {node: aNode(with(4), with(5, exited(31*second, hour), func(c *container, _ *sandbox) { c.sandbox = "?" }))},
		"most, one after the other":              {node: aNode(with(4), with(2, exited(31*second, hour)), with(2, exited(45*second, hour)), with(2, exited(minute, hour)))},
		"most, of one pod":                       {node: aNode(with(5, exited(31*second, hour)), inOnePod)},
		"most, and we never saw them run":        {node: aNode(with(5, exited(31*second, hour), func(c *container, _ *sandbox) { c.wasRunning = false }))},
		"two pods are too few":                   {node: aNode(with(2, exited(31*second, hour)))},
		"three do not start":                     {node: aNode(with(9), with(3, in(host.ContainerCreated, 3*minute))), want: v1alpha1.ReasonContainersNotStarting},
		"three start slowly":                     {node: aNode(with(9), with(3, in(host.ContainerCreated, minute)))},
		"two do not start":                       {node: aNode(with(9), with(2, in(host.ContainerCreated, hour)))},
		"three do not start, and were replaced":  {node: aNode(with(9), with(3, in(host.ContainerCreated, hour), replaced))},
		"three do not start, of pods that end":   {node: aNode(with(9), with(3, in(host.ContainerCreated, hour), notReady(hour)))},
		"three run in dead sandboxes":            {node: aNode(with(9), with(3, notReady(3*minute))), want: v1alpha1.ReasonContainersOrphaned},
		"three are being terminated":             {node: aNode(with(9), with(3, notReady(90*second)))},
		"three ended in dead sandboxes":          {node: aNode(with(9), with(3, in(host.ContainerExited, hour), notReady(hour)))},
		"three are unknown":                      {node: aNode(with(9), with(3, in(host.ContainerUnknown, 3*minute))), want: v1alpha1.ReasonContainersUnknown},
		"three were unknown to a fresh runtime":  {node: aNode(with(9), with(3, in(host.ContainerUnknown, minute)))},
		"three have lost their processes":        {node: aNode(with(9), with(3, gone(3*minute))), want: v1alpha1.ReasonContainersGone},
		"three have just lost their processes":   {node: aNode(with(9), with(3, gone(minute)))},
		"of two things the graver is first":      {node: aNode(with(9), with(3, gone(3*minute)), with(3, in(host.ContainerCreated, hour))), want: v1alpha1.ReasonContainersGone},
		"different things are not added up":      {node: aNode(with(9), with(2, gone(hour)), with(2, in(host.ContainerCreated, hour)))},
		"more than there is room for is a note":  {node: aNode(with(3), func(n *node) { n.dropped = 5 })},
		"a sandbox that never had its container": {node: aNode(with(3), func(n *node) { n.sandboxes["empty"] = &sandbox{since: ago(hour)} })},
	} {
		t.Run(name, func(t *testing.T) {
			var faults []v1alpha1.Reason
			for _, f := range judge(c.node, limits, now) {
				if !f.Note {
					faults = append(faults, f.Reason)
				}
			}
			if c.want == "" {
				require.Empty(t, faults)
				return
			}
			require.NotEmpty(t, faults)
			require.Equal(t, c.want, faults[0])
		})
	}
}

func TestJudge_WordsDoNotChangeFromLookToLook(t *testing.T) {
	for want, node := range map[string]*state{
		"5 of 9 containers, of 5 pods, exited within 10s and none was started since": aNode(with(4), with(5, exited(31*time.Second, time.Hour))),
		"3 containers, of 3 pods, were created and do not start for over 2m0s":       aNode(with(3, in(host.ContainerCreated, time.Hour))),
		"there are more containers than are looked at, 3":                            aNode(with(3), func(n *node) { n.dropped = 5 }),
	} {
		for _, at := range []time.Time{now, now.Add(time.Minute)} {
			findings := judge(node, limits, at)
			require.Len(t, findings, 1)
			require.Equal(t, want, findings[0].Message)
		}
	}
}

func TestPodFindings(t *testing.T) {
	describe := func(list []PodFinding) string {
		var lines []string
		for _, f := range list {
			lines = append(lines, fmt.Sprintf("%s/%s %s %s %d", f.Namespace, f.Pod, f.Container, f.Kind, f.ExitCode))
		}
		return strings.Join(lines, "\n")
	}
	ok := func(c *container, _ *sandbox) { c.exitCode = 0 }
	n := aNode(
		with(1, exited(time.Second, time.Minute)),            // pod1
		with(1, exited(time.Second, time.Minute), ok),        // ended well
		with(1, exited(time.Second, time.Minute), replaced),  // started again
		with(1, in(host.ContainerCreated, 2*time.Second)),    // pod4
		with(1, notReady(3*time.Second)),                     // pod5
		with(1, in(host.ContainerUnknown, 4*time.Second)),    // pod6
		with(1, gone(5*time.Second)),                         // pod7
		with(1, exited(time.Hour, time.Minute), notReady(0)), // its pod ends
		with(1), // runs
	)
	require.Equal(t, strings.Join([]string{
		"default/pod7 app Gone 0", "default/pod6 app Unknown 0", "default/pod5 app Orphaned 0",
		"default/pod4 app NotStarting 0", "default/pod1 app Exited 137",
	}, "\n"), describe(podFindings(n)))
	require.Len(t, podFindings(aNode(with(500, exited(time.Second, time.Minute)))), maxPodFindings)
}
