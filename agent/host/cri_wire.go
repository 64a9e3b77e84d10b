package host

import (
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// taskFilter is for containerd: what starts and ends in the namespace where the CRI keeps its containers.
const taskFilter = `namespace==k8s.io,topic~="^/tasks/(start|exit)$"`

// rawCodec hands messages over as bytes. The buffer of the message before is used again.
type rawCodec struct{}

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	message := v.(*[]byte)
	if cap(*message) < data.Len() {
		*message = make([]byte, data.Len())
	}
	*message = (*message)[:data.Len()]
	data.CopyTo(*message)
	return nil
}

// Name is the one that servers know.
func (rawCodec) Name() string { return proto.Name }

func subscribeRequest(filter string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), filter)
}

// eachField calls f with the fields of a message: those with a length as bytes, numbers as number, others not at all.
func eachField(raw []byte, f func(number int, bytes []byte, value uint64)) error {
	for len(raw) > 0 {
		number, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return protowire.ParseError(n)
		}
		raw = raw[n:]
		switch kind {
		case protowire.BytesType:
			var bytes []byte
			if bytes, n = protowire.ConsumeBytes(raw); n >= 0 {
				f(int(number), bytes, 0)
			}
		case protowire.VarintType:
			var value uint64
			if value, n = protowire.ConsumeVarint(raw); n >= 0 {
				f(int(number), nil, value)
			}
		default:
			n = protowire.ConsumeFieldValue(number, kind, raw)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		raw = raw[n:]
	}
	return nil
}

// parseCRIEvent reads a ContainerEventResponse: container_id 1, container_event_type 2, containers_statuses 5.
func parseCRIEvent(raw []byte) (ContainerEvent, bool, error) {
	var id []byte
	var kind uint64
	if err := eachField(raw, func(number int, bytes []byte, value uint64) {
		switch number {
		case 1:
			id = bytes
		case 2:
			kind = value
		}
	}); err != nil {
		return ContainerEvent{}, false, err
	}
	event := ContainerEvent{ID: string(id)}
	switch cri.ContainerEventType(kind) { //nolint:gosec // a number of ours or none
	case cri.ContainerEventType_CONTAINER_STARTED_EVENT:
		event.Kind = ContainerStarted
	case cri.ContainerEventType_CONTAINER_STOPPED_EVENT:
		event.Kind, event.ExitCode = ContainerStopped, exitCodeOf(raw, id)
	case cri.ContainerEventType_CONTAINER_DELETED_EVENT:
		event.Kind = ContainerDeleted
	default:
		return ContainerEvent{}, false, nil
	}
	return event, true, nil
}

// exitCodeOf finds the container among the statuses: id 1, exit_code 7. -1: it is not there, as with a sandbox.
func exitCodeOf(raw, id []byte) int {
	code := -1
	_ = eachField(raw, func(number int, status []byte, _ uint64) {
		if number != 5 {
			return
		}
		var is bool
		var exit uint64
		_ = eachField(status, func(number int, bytes []byte, value uint64) {
			switch number {
			case 1:
				is = string(bytes) == string(id)
			case 7:
				exit = value
			}
		})
		if is {
			code = int(int32(exit)) //nolint:gosec // an int32 in two's complement
		}
	}) // it was read to its end before
	return code
}

// parseTaskEvent reads containerd's Envelope: topic 3, event 4, which is an Any: value 2.
func parseTaskEvent(raw []byte) (ContainerEvent, bool, error) {
	var topic string
	var wrapped, task []byte
	if err := eachField(raw, func(number int, bytes []byte, _ uint64) {
		switch number {
		case 3:
			topic = string(bytes)
		case 4:
			wrapped = bytes
		}
	}); err != nil {
		return ContainerEvent{}, false, err
	}
	if err := eachField(wrapped, func(number int, bytes []byte, _ uint64) {
		if number == 2 {
			task = bytes
		}
	}); err != nil {
		return ContainerEvent{}, false, err
	}
	return taskEvent(topic, task)
}

// taskEvent reads a TaskStart: container_id 1; or a TaskExit: the same, id 2 and exit_status 4. That id is another than
// the container's when what ended is a process run in it by exec.
func taskEvent(topic string, task []byte) (ContainerEvent, bool, error) {
	var container, process []byte
	var code uint64
	if err := eachField(task, func(number int, bytes []byte, value uint64) {
		switch number {
		case 1:
			container = bytes
		case 2:
			process = bytes
		case 4:
			code = value
		}
	}); err != nil {
		return ContainerEvent{}, false, err
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
