package host

import (
	"context"
	"time"
)

// ContainerState is what the runtime says of a container.
type ContainerState string

// States of a container. Unknown is the runtime's own word: it lost the container's process.
const (
	ContainerCreated ContainerState = "Created"
	ContainerRunning ContainerState = "Running"
	ContainerExited  ContainerState = "Exited"
	ContainerUnknown ContainerState = "Unknown"
)

// A Container is one of a runtime's list.
type Container struct {
	ID      string
	Sandbox string // the id of its pod's sandbox
	Name    string // in the pod's specification
	Attempt uint32 // counts the containers of that name in that sandbox
	State   ContainerState
	Created time.Time // by the machine's clock
}

// A Sandbox is what holds the containers of a pod.
type Sandbox struct {
	ID, Namespace, Pod, UID string
	Ready                   bool
}

// A ContainerDetail is what the runtime says of one container when it is asked for more.
type ContainerDetail struct {
	State    ContainerState
	ExitCode int
	PID      int // of its main process on the host; 0: not told
}

// Containers lists all containers, those that ended too.
func (c *CRI) Containers(outer, asked context.Context) ([]Container, error) {
	raw, err := c.ask(outer, asked, "ListContainers", nil)
	if err != nil {
		return nil, err
	}
	return parseContainers(raw)
}

// Sandboxes lists all pod sandboxes.
func (c *CRI) Sandboxes(outer, asked context.Context) ([]Sandbox, error) {
	raw, err := c.ask(outer, asked, "ListPodSandbox", nil)
	if err != nil {
		return nil, err
	}
	return parseSandboxes(raw)
}

// Container asks for more about one container. Its PID costs the runtime a long answer, and is told only withPID.
func (c *CRI) Container(outer, asked context.Context, id string, withPID bool) (ContainerDetail, error) {
	raw, err := c.ask(outer, asked, "ContainerStatus", containerStatusRequest(id, withPID))
	if err != nil {
		return ContainerDetail{}, err
	}
	return parseContainerDetail(raw)
}
