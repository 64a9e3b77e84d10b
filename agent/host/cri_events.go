package host

import (
	"context"
	"errors"
	"io"
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

// taskFilter is for containerd: what starts and ends in the namespace where the CRI keeps its containers.
const taskFilter = `namespace==k8s.io,topic~="^/tasks/(start|exit)$"`

// Events delivers the CRI's events until ctx ends or the runtime hangs up. told is called once, when the call is made. The
// runtime does not say when it has taken it, so an event of that moment can be lost, as any other.
//
// A reader that stops reading holds up the runtime: containerd 2 then creates no container (its queue waits for every
// reader), and containerd 1.7 gives each event to one reader only. For containerd there is TaskEvents.
func (c *CRI) Events(ctx context.Context, told func(), deliver func(ContainerEvent)) error {
	return c.receive(ctx, criService+"GetContainerEvents", nil, told, func(raw []byte) error {
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

// receive reads a stream to its end.
func (c *CRI) receive(ctx context.Context, method string, request []byte, told func(), each func([]byte) error) error {
	conn, _, err := c.connection(ctx)
	if err != nil {
		return observed(ctx, err)
	}
	call, err := startGRPC(ctx, conn, method, request, told)
	if err != nil {
		return noEvents(c.failed(ctx, ctx, conn, err))
	}
	defer call.close()
	for first := true; ; first = false {
		message, err := call.next()
		switch {
		case errors.Is(err, io.EOF) && first:
			return ErrNoEvents // CRI-O with enable_pod_events off ends the stream at once and well
		case errors.Is(err, io.EOF):
			return ErrRefused
		case err != nil:
			return noEvents(c.failed(ctx, ctx, conn, err))
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
