package hosttest

import (
	"fmt"
	"slices"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// containers is what a fake runtime runs.
type containers struct {
	all   map[string]*cri.Container
	codes map[string]int32
	pids  map[string]int
	pods  map[string]*cri.PodSandbox
}

func newContainers() containers {
	return containers{
		all: map[string]*cri.Container{}, codes: map[string]int32{}, pids: map[string]int{}, pods: map[string]*cri.PodSandbox{},
	}
}

func (c containers) list() []*cri.Container {
	list := make([]*cri.Container, 0, len(c.all))
	for _, one := range c.all {
		list = append(list, &cri.Container{
			Id: one.Id, PodSandboxId: one.PodSandboxId, Metadata: one.Metadata, State: one.State, CreatedAt: one.CreatedAt,
			Labels: one.Labels, Image: one.Image, ImageRef: one.ImageRef, Annotations: one.Annotations,
		})
	}
	slices.SortFunc(list, func(a, b *cri.Container) int { return int(a.CreatedAt - b.CreatedAt) })
	return list
}

func (c containers) sandboxes() []*cri.PodSandbox {
	list := make([]*cri.PodSandbox, 0, len(c.pods))
	for _, one := range c.pods {
		list = append(list, &cri.PodSandbox{Id: one.Id, Metadata: one.Metadata, State: one.State, Labels: one.Labels, CreatedAt: one.CreatedAt})
	}
	return list
}

func (c containers) status(id string) *cri.ContainerStatusResponse {
	one := c.all[id]
	if one == nil {
		return nil
	}
	return &cri.ContainerStatusResponse{
		Status: &cri.ContainerStatus{Id: id, State: one.State, ExitCode: c.codes[id], Metadata: one.Metadata, CreatedAt: one.CreatedAt, Labels: one.Labels},
		Info:   map[string]string{"info": fmt.Sprintf(`{"sandboxID":%q,"pid":%d,"runtimeSpec":{}}`, one.PodSandboxId, c.pids[id])},
	}
}

// Name sets the runtime's name in Version. It is "fake" before.
func (c *CRI) Name(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.name = name
}

// Mute lets GetContainerEvents be unimplemented.
func (c *CRI) Mute() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mute = true
}

// Pod puts a pod's sandbox there, or changes whether it is ready. It tells of nothing.
func (c *CRI) Pod(pod string, ready bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := cri.PodSandboxState_SANDBOX_NOTREADY
	if ready {
		state = cri.PodSandboxState_SANDBOX_READY
	}
	c.machine.pods[pod] = &cri.PodSandbox{
		Id: pod, Metadata: &cri.PodSandboxMetadata{Name: pod, Namespace: "default", Uid: "uid-" + pod}, State: state,
		Labels: podLabels(pod), CreatedAt: time.Now().UnixNano(),
	}
}

// RemovePod removes a sandbox and its containers without a word.
func (c *CRI) RemovePod(pod string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.machine.pods, pod)
	for id, one := range c.machine.all {
		if one.PodSandboxId == pod {
			delete(c.machine.all, id)
		}
	}
}

// Create puts a container into a pod: "app-1" of pod "web" is the id "web/app-1". age is how long ago.
func (c *CRI) Create(pod, name string, attempt int, age time.Duration) (id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id = fmt.Sprintf("%s/%s-%d", pod, name, attempt)
	c.machine.all[id] = &cri.Container{
		Id: id, PodSandboxId: pod, CreatedAt: time.Now().Add(-age).UnixNano(), Labels: podLabels(pod),
		Metadata: &cri.ContainerMetadata{Name: name, Attempt: uint32(attempt)}, //nolint:gosec // a test's small number
		State:    cri.ContainerState_CONTAINER_CREATED,
		Image:    &cri.ImageSpec{Image: "registry.example/some/application:v1"}, ImageRef: "sha256:0123456789abcdef",
		Annotations: map[string]string{"io.kubernetes.container.hash": "1a2b3c4d", "io.kubernetes.container.restartCount": "0"},
	}
	c.tell(id, cri.ContainerEventType_CONTAINER_CREATED_EVENT)
	return id
}

// Run creates a container and starts it.
func (c *CRI) Run(pod, name string, attempt int, age time.Duration) (id string) {
	id = c.Create(pod, name, attempt, age)
	c.Start(id)
	return id
}

// Start starts a container and tells of it.
func (c *CRI) Start(id string) {
	c.Set(id, cri.ContainerState_CONTAINER_RUNNING)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tell(id, cri.ContainerEventType_CONTAINER_STARTED_EVENT)
}

// Exit ends a container and tells of it.
func (c *CRI) Exit(id string, code int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machine.codes[id] = code
	c.machine.all[id].State = cri.ContainerState_CONTAINER_EXITED
	c.tell(id, cri.ContainerEventType_CONTAINER_STOPPED_EVENT)
}

// Set changes a container's state without a word.
func (c *CRI) Set(id string, state cri.ContainerState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machine.all[id].State = state
}

// PID says which process of the machine a container's is.
func (c *CRI) PID(id string, pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machine.pids[id] = pid
}

// Silently does something whose events are lost.
func (c *CRI) Silently(do func()) {
	c.setLossy(true)
	defer c.setLossy(false)
	do()
}

func (c *CRI) setLossy(lossy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lossy = lossy
}

// Readers says how many follow the events.
func (c *CRI) Readers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.readers)
}

// HangUp breaks the streams of all readers.
func (c *CRI) HangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for reader := range c.readers {
		delete(c.readers, reader)
		close(reader)
	}
}

// tell is called with mu held.
func (c *CRI) tell(id string, kind cri.ContainerEventType) {
	if c.lossy || len(c.readers) == 0 {
		return
	}
	one := c.machine.all[id]
	event := &cri.ContainerEventResponse{
		ContainerId: id, ContainerEventType: kind, CreatedAt: time.Now().UnixNano(),
		PodSandboxStatus: &cri.PodSandboxStatus{Id: one.PodSandboxId, Labels: one.Labels},
	}
	for _, other := range c.machine.all {
		if other.PodSandboxId == one.PodSandboxId {
			event.ContainersStatuses = append(event.ContainersStatuses, c.machine.status(other.Id).Status)
		}
	}
	for reader := range c.readers {
		select {
		case reader <- event:
		default:
			delete(c.readers, reader)
			close(reader)
		}
	}
}

func podLabels(pod string) map[string]string {
	return map[string]string{"io.kubernetes.pod.name": pod, "io.kubernetes.pod.namespace": "default", "io.kubernetes.pod.uid": "uid-" + pod, "app": pod}
}
