package containers

import (
	"cmp"
	"slices"
	"time"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// maxPodFindings bounds Pods: a node runs 110 pods, and who reads more reads none.
const maxPodFindings = 128

// Kind is what is wrong with one container.
type Kind string

// Kinds. Exited is the pod's own business; the others are not.
const (
	Exited      Kind = "Exited"      // it ended with an error and was not started again yet
	NotStarting Kind = "NotStarting" // created, and not started
	Orphaned    Kind = "Orphaned"    // runs in a sandbox that is not ready
	Unknown     Kind = "Unknown"     // the runtime lost its process
	Gone        Kind = "Gone"        // said to run, and its process is gone or a zombie
)

// A PodFinding is one container that should run and does not. Nothing waits for it to last: its reader knows how long
// that may be.
type PodFinding struct {
	Namespace, Pod, UID string
	Container           string
	Attempt             uint32
	Kind                Kind
	ExitCode            int // of an Exited one
	Since               time.Time
}

// Pods are the containers of this node that should run and do not, the longest first, at most 128. It may be called
// concurrently, at any time.
func (p *Probe) Pods() []PodFinding {
	p.mu.Lock()
	defer p.mu.Unlock()
	return podFindings(p.state)
}

func podFindings(s *state) []PodFinding {
	var list []PodFinding
	for _, c := range s.containers {
		kind, since := s.stuckIn(c)
		if kind == "" && s.failed(c) {
			kind, since = Exited, c.since
		}
		if kind == "" {
			continue
		}
		pod := s.sandboxes[c.sandbox]
		found := PodFinding{
			Namespace: pod.Namespace, Pod: pod.Pod, UID: pod.UID, Container: c.name, Attempt: c.attempt, Kind: kind, Since: since,
		}
		if kind == Exited {
			found.ExitCode = c.exitCode
		}
		list = append(list, found)
	}
	slices.SortFunc(list, func(a, b PodFinding) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.UID, b.UID), cmp.Compare(a.Container, b.Container))
	})
	return list[:min(len(list), maxPodFindings)]
}

// failed: a container that ended well may be an init container, or one that is to run once. The runtime does not know.
func (s *state) failed(c *container) bool {
	return c.state == host.ContainerExited && !c.replaced && c.exitCode != 0 && c.exitCode != notAsked && s.isReady(c.sandbox)
}
