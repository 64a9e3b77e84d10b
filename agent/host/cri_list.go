package host

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// maxList is the kubelet's own limit for an answer of its runtime.
const maxList = 16 << 20

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

// Name is what the runtime calls itself: containerd, cri-o.
func (c *CRI) Name(outer, asked context.Context) (string, error) {
	conn, err := c.connection()
	if err != nil {
		return "", err
	}
	response, err := cri.NewRuntimeServiceClient(conn).Version(asked, &cri.VersionRequest{})
	if err != nil {
		return "", c.failed(outer, conn, err)
	}
	return response.GetRuntimeName(), nil
}

// Containers lists all containers, those that ended too.
func (c *CRI) Containers(outer, asked context.Context) ([]Container, error) {
	raw, err := c.invoke(outer, asked, cri.RuntimeService_ListContainers_FullMethodName)
	if err != nil {
		return nil, err
	}
	return parseContainers(raw)
}

// Sandboxes lists all pod sandboxes.
func (c *CRI) Sandboxes(outer, asked context.Context) ([]Sandbox, error) {
	raw, err := c.invoke(outer, asked, cri.RuntimeService_ListPodSandbox_FullMethodName)
	if err != nil {
		return nil, err
	}
	return parseSandboxes(raw)
}

// invoke makes a call without arguments whose answer is wanted as bytes.
func (c *CRI) invoke(outer, asked context.Context, method string) ([]byte, error) {
	conn, err := c.connection()
	if err != nil {
		return nil, err
	}
	var request, response []byte
	err = conn.Invoke(asked, method, &request, &response, grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(maxList))
	if err != nil {
		return nil, c.failed(outer, conn, err)
	}
	return response, nil
}

// Container asks for more about one container. Its PID costs the runtime a long answer, and is told only withPID.
func (c *CRI) Container(outer, asked context.Context, id string, withPID bool) (ContainerDetail, error) {
	conn, err := c.connection()
	if err != nil {
		return ContainerDetail{}, err
	}
	request := &cri.ContainerStatusRequest{ContainerId: id, Verbose: withPID}
	response, err := cri.NewRuntimeServiceClient(conn).ContainerStatus(asked, request)
	if err != nil {
		return ContainerDetail{}, c.failed(outer, conn, err)
	}
	detail := ContainerDetail{
		State:    containerState(response.GetStatus().GetState()),
		ExitCode: int(response.GetStatus().GetExitCode()),
	}
	if withPID {
		detail.PID, err = mainPID(response.GetInfo())
	}
	return detail, err
}

// mainPID reads what containerd and CRI-O both put under "info": an object with the PID among much else.
func mainPID(info map[string]string) (int, error) {
	var told struct {
		PID int `json:"pid"`
	}
	if info["info"] == "" {
		return 0, nil
	}
	if err := json.Unmarshal([]byte(info["info"]), &told); err != nil {
		return 0, fmt.Errorf("reading the runtime's info: %w", err)
	}
	return told.PID, nil
}

func containerState(s cri.ContainerState) ContainerState {
	switch s {
	case cri.ContainerState_CONTAINER_CREATED:
		return ContainerCreated
	case cri.ContainerState_CONTAINER_RUNNING:
		return ContainerRunning
	case cri.ContainerState_CONTAINER_EXITED:
		return ContainerExited
	default:
		return ContainerUnknown
	}
}
