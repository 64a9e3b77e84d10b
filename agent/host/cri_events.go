package host

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// ErrNoEvents says that the runtime does not tell of events: too old, or switched off.
var ErrNoEvents = errors.New("the runtime tells of no container events")

// EventKind is what happened to a container.
type EventKind string

// Kinds. A container's creation is not told: it says nothing until the container starts.
const (
	ContainerStarted EventKind = "Started"
	ContainerStopped EventKind = "Stopped"
	ContainerDeleted EventKind = "Deleted"
)

// A ContainerEvent tells of one container, or of a sandbox, which has an id of the same kind.
type ContainerEvent struct {
	ID       string
	Kind     EventKind
	ExitCode int // of a Stopped one
}

// Events delivers the CRI's events until ctx ends or the runtime hangs up. told is called once, when the call is made. The
// runtime does not say when it has taken it, so an event of that moment can be lost, as any other.
//
// A reader that stops reading holds up the runtime: containerd 2 then creates no container (its queue waits for every
// reader), and containerd 1.7 gives each event to one reader only. For containerd there is TaskEvents.
func (c *CRI) Events(ctx context.Context, told func(), deliver func(ContainerEvent)) error {
	return c.receive(ctx, cri.RuntimeService_GetContainerEvents_FullMethodName, nil, told, func(raw []byte) error {
		event, ok, err := parseCRIEvent(raw)
		if ok {
			deliver(event)
		}
		return err
	})
}

// TaskEvents delivers containerd's own events of Kubernetes' containers, on the same socket. containerd queues them for
// each reader by itself, so that a reader which is stopped holds up nobody.
func (c *CRI) TaskEvents(ctx context.Context, told func(), deliver func(ContainerEvent)) error {
	const method = "/containerd.services.events.v1.Events/Subscribe"
	return c.receive(ctx, method, subscribeRequest(taskFilter), told, func(raw []byte) error {
		event, ok, err := parseTaskEvent(raw)
		if ok {
			deliver(event)
		}
		return err
	})
}

// receive reads a stream of messages as bytes. Of a CRI event, several kilobytes that repeat the whole pod's status, two
// or three numbers matter.
func (c *CRI) receive(ctx context.Context, method string, request []byte, told func(), each func([]byte) error) error {
	conn, err := c.connection()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx) // ends the stream when we return
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method, grpc.ForceCodecV2(rawCodec{}))
	if err == nil {
		err = stream.SendMsg(&request)
	}
	if err == nil || errors.Is(err, io.EOF) { // io.EOF: RecvMsg says why
		err = stream.CloseSend()
	}
	if err != nil {
		return c.failed(ctx, conn, err)
	}
	told()
	var message []byte
	for first := true; ; first = false {
		err := stream.RecvMsg(&message)
		switch {
		case errors.Is(err, io.EOF) && first:
			return ErrNoEvents // CRI-O with enable_pod_events off ends the stream at once and well
		case errors.Is(err, io.EOF):
			return ErrRefused
		case err != nil:
			return noEvents(c.failed(ctx, conn, err))
		}
		if err := each(message); err != nil {
			return err
		}
	}
}

// noEvents: what is not implemented here is one call, and not the CRI.
func noEvents(err error) error {
	if errors.Is(err, ErrNoCRI) {
		return ErrNoEvents
	}
	return err
}
