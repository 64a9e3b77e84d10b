package host

import (
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Messages of the CRI and of containerd are read field by field, and only the fields that matter: of 500 containers with
// their labels, annotations and images generated code makes 30 000 objects, every ten seconds, and it is 2 MB of program.
// Numbers beside names are those of the fields.

// A field of a message: bytes when it has a length, else a number.
type field struct {
	number int
	bytes  []byte
	value  uint64
}

// fields are those of a message with a length or a varint, which is all that is read here. An error is the last one.
func fields(raw []byte) iter.Seq2[field, error] {
	return func(yield func(field, error) bool) {
		for len(raw) > 0 {
			number, kind, n := protowire.ConsumeTag(raw)
			if n < 0 {
				yield(field{}, protowire.ParseError(n))
				return
			}
			raw = raw[n:]
			f := field{number: int(number)}
			switch kind {
			case protowire.BytesType:
				f.bytes, n = protowire.ConsumeBytes(raw)
			case protowire.VarintType:
				f.value, n = protowire.ConsumeVarint(raw)
			default:
				n = protowire.ConsumeFieldValue(number, kind, raw)
			}
			if n < 0 {
				yield(field{}, protowire.ParseError(n))
				return
			}
			raw = raw[n:]
			if (kind == protowire.BytesType || kind == protowire.VarintType) && !yield(f, nil) {
				return
			}
		}
	}
}

// subscribeRequest is a SubscribeRequest: filters 1.
func subscribeRequest(filter string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), filter)
}

// containerStatusRequest is a ContainerStatusRequest: container_id 1, verbose 2.
func containerStatusRequest(id string, verbose bool) []byte {
	raw := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), id)
	return protowire.AppendVarint(protowire.AppendTag(raw, 2, protowire.VarintType), protowire.EncodeBool(verbose))
}

// parseRuntimeStatus reads a StatusResponse: status 1, and in it conditions 1.
func parseRuntimeStatus(raw []byte) (RuntimeStatus, error) {
	var s RuntimeStatus
	for f, err := range fields(raw) {
		if err != nil {
			return RuntimeStatus{}, err
		}
		if f.number != 1 {
			continue
		}
		for f, err := range fields(f.bytes) {
			if err == nil && f.number == 1 {
				err = s.readCondition(f.bytes)
			}
			if err != nil {
				return RuntimeStatus{}, err
			}
		}
	}
	return s, nil
}

// readCondition reads a RuntimeCondition: type 1, status 2, reason 3, message 4.
func (s *RuntimeStatus) readCondition(raw []byte) error {
	var kind, why string
	var isMet bool
	for f, err := range fields(raw) {
		if err != nil {
			return err
		}
		switch f.number {
		case 1:
			kind = string(f.bytes)
		case 2:
			isMet = f.value != 0
		case 3:
			why = string(f.bytes)
		case 4:
			if len(f.bytes) > 0 {
				why += ": " + string(f.bytes)
			}
		}
	}
	switch kind {
	case "RuntimeReady":
		s.RuntimeReady, s.RuntimeReason = isMet, why
	case "NetworkReady":
		s.NetworkReady, s.NetworkReason = isMet, why
	}
	return nil
}

// parseRuntimeName reads a VersionResponse: runtime_name 2.
func parseRuntimeName(raw []byte) (string, error) {
	var name string
	for f, err := range fields(raw) {
		if err != nil {
			return "", err
		}
		if f.number == 2 {
			name = string(f.bytes)
		}
	}
	return name, nil
}

// parseContainers reads a ListContainersResponse: containers 1.
func parseContainers(raw []byte) ([]Container, error) {
	return parseList(raw, parseContainer)
}

// parseSandboxes reads a ListPodSandboxResponse: items 1.
func parseSandboxes(raw []byte) ([]Sandbox, error) {
	return parseList(raw, parseSandbox)
}

func parseList[T any](raw []byte, parse func([]byte) (T, error)) ([]T, error) {
	var list []T
	for f, err := range fields(raw) {
		if err != nil {
			return nil, err
		}
		if f.number != 1 {
			continue
		}
		one, err := parse(f.bytes)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// parseContainer reads a Container: id 1, pod_sandbox_id 2, metadata 3, state 6, created_at 7.
func parseContainer(raw []byte) (Container, error) {
	c := Container{State: ContainerCreated} // the state that is 0 is not sent
	for f, err := range fields(raw) {
		if err != nil {
			return Container{}, err
		}
		switch f.number {
		case 1:
			c.ID = string(f.bytes)
		case 2:
			c.Sandbox = string(f.bytes)
		case 3:
			if err := c.readMetadata(f.bytes); err != nil {
				return Container{}, err
			}
		case 6:
			c.State = containerState(f.value)
		case 7:
			c.Created = time.Unix(0, int64(f.value)) //nolint:gosec // an int64 in two's complement
		}
	}
	return c, nil
}

// readMetadata reads a ContainerMetadata: name 1, attempt 2.
func (c *Container) readMetadata(raw []byte) error {
	for f, err := range fields(raw) {
		if err != nil {
			return err
		}
		switch f.number {
		case 1:
			c.Name = string(f.bytes)
		case 2:
			c.Attempt = uint32(f.value) //nolint:gosec // it is one
		}
	}
	return nil
}

// parseSandbox reads a PodSandbox: id 1, metadata 2, state 3, of which 0 is ready.
func parseSandbox(raw []byte) (Sandbox, error) {
	s := Sandbox{Ready: true} // the state that is 0 is not sent
	for f, err := range fields(raw) {
		if err != nil {
			return Sandbox{}, err
		}
		switch f.number {
		case 1:
			s.ID = string(f.bytes)
		case 2:
			if err := s.readMetadata(f.bytes); err != nil {
				return Sandbox{}, err
			}
		case 3:
			s.Ready = f.value == 0
		}
	}
	return s, nil
}

// readMetadata reads a PodSandboxMetadata: name 1, uid 2, namespace 3.
func (s *Sandbox) readMetadata(raw []byte) error {
	for f, err := range fields(raw) {
		if err != nil {
			return err
		}
		switch f.number {
		case 1:
			s.Pod = string(f.bytes)
		case 2:
			s.UID = string(f.bytes)
		case 3:
			s.Namespace = string(f.bytes)
		}
	}
	return nil
}

// parseContainerDetail reads a ContainerStatusResponse: status 1, and info 2, which is a map: key 1, value 2.
func parseContainerDetail(raw []byte) (ContainerDetail, error) {
	d := ContainerDetail{State: ContainerCreated}
	for f, err := range fields(raw) {
		if err != nil {
			return ContainerDetail{}, err
		}
		switch f.number {
		case 1:
			status, err := parseContainerStatus(f.bytes)
			if err != nil {
				return ContainerDetail{}, err
			}
			d.State, d.ExitCode = status.state, status.exitCode
		case 2:
			var key, value []byte
			for f, err := range fields(f.bytes) {
				if err != nil {
					return ContainerDetail{}, err
				}
				switch f.number {
				case 1:
					key = f.bytes
				case 2:
					value = f.bytes
				}
			}
			if string(key) == "info" {
				if d.PID, err = mainPID(value); err != nil {
					return ContainerDetail{}, err
				}
			}
		}
	}
	return d, nil
}

// mainPID reads what containerd and CRI-O both put under "info": an object with the PID among much else.
func mainPID(info []byte) (int, error) {
	var told struct {
		PID int `json:"pid"`
	}
	if len(info) == 0 {
		return 0, nil
	}
	if err := json.Unmarshal(info, &told); err != nil {
		return 0, fmt.Errorf("reading the runtime's info: %w", err)
	}
	return told.PID, nil
}

type containerStatus struct {
	id       []byte
	state    ContainerState
	exitCode int
}

// parseContainerStatus reads a ContainerStatus: id 1, state 3, exit_code 7.
func parseContainerStatus(raw []byte) (containerStatus, error) {
	s := containerStatus{state: ContainerCreated} // the state that is 0 is not sent
	for f, err := range fields(raw) {
		if err != nil {
			return containerStatus{}, err
		}
		switch f.number {
		case 1:
			s.id = f.bytes
		case 3:
			s.state = containerState(f.value)
		case 7:
			s.exitCode = int(int32(f.value)) //nolint:gosec // an int32 in two's complement
		}
	}
	return s, nil
}

func containerState(number uint64) ContainerState {
	switch number {
	case 0:
		return ContainerCreated
	case 1:
		return ContainerRunning
	case 2:
		return ContainerExited
	default:
		return ContainerUnknown
	}
}

// parseCRIEvent reads a ContainerEventResponse: container_id 1, container_event_type 2, containers_statuses 5.
func parseCRIEvent(raw []byte) (ContainerEvent, bool, error) {
	var id []byte
	var kind uint64
	for f, err := range fields(raw) {
		if err != nil {
			return ContainerEvent{}, false, err
		}
		switch f.number {
		case 1:
			id = f.bytes
		case 2:
			kind = f.value
		}
	}
	event := ContainerEvent{ID: string(id)}
	switch kind { // 0: created
	case 1:
		event.Kind = ContainerStarted
	case 2:
		event.Kind, event.ExitCode = ContainerStopped, exitCodeOf(raw, id)
	case 3:
		event.Kind = ContainerDeleted
	default:
		return ContainerEvent{}, false, nil
	}
	return event, true, nil
}

// exitCodeOf finds the container among the statuses of an event. -1: it is not there, as with a sandbox.
func exitCodeOf(event, id []byte) int {
	code := -1
	for f, err := range fields(event) {
		if err != nil || f.number != 5 {
			continue
		}
		if status, err := parseContainerStatus(f.bytes); err == nil && string(status.id) == string(id) {
			code = status.exitCode
		}
	}
	return code
}

// parseTaskEvent reads containerd's Envelope: topic 3, event 4, which is an Any: value 2.
func parseTaskEvent(raw []byte) (ContainerEvent, bool, error) {
	var topic string
	var task []byte
	for f, err := range fields(raw) {
		if err != nil {
			return ContainerEvent{}, false, err
		}
		switch f.number {
		case 3:
			topic = string(f.bytes)
		case 4:
			for f, err := range fields(f.bytes) {
				if err != nil {
					return ContainerEvent{}, false, err
				}
				if f.number == 2 {
					task = f.bytes
				}
			}
		}
	}
	return taskEvent(topic, task)
}

// taskEvent reads a TaskStart: container_id 1; or a TaskExit: the same, id 2 and exit_status 4. That id is another than
// the container's when what ended is a process run in it by exec.
func taskEvent(topic string, task []byte) (ContainerEvent, bool, error) {
	var container, process []byte
	var code uint64
	for f, err := range fields(task) {
		if err != nil {
			return ContainerEvent{}, false, err
		}
		switch f.number {
		case 1:
			container = f.bytes
		case 2:
			process = f.bytes
		case 4:
			code = f.value
		}
	}
	switch {
	case topic == "/tasks/start":
		return ContainerEvent{ID: string(container), Kind: ContainerStarted}, true, nil
	case topic == "/tasks/exit" && string(process) == string(container):
		return ContainerEvent{ID: string(container), Kind: ContainerStopped, ExitCode: int(uint32(code))}, true, nil //nolint:gosec // a uint32
	default:
		return ContainerEvent{}, false, nil
	}
}
