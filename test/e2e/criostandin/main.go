// Command criostandin stands in for CRI-O, which cannot be had on the test machines: it serves the CRI on CRI-O's socket
// path by passing every call on to containerd. A unit crio.service that runs it looks to the agent as CRI-O does: an
// active unit, a process called crio and a socket that answers. It is no proof of anything about CRI-O itself.
//
// Events it makes up itself: containerd 2 holds up container creation while a reader of its events stands still, and
// tests freeze this program. With --exits N it tells of the end of N containers a minute, else of nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	listenOn = "/run/crio/crio.sock"
	passTo   = "unix:///run/containerd/containerd.sock"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	exits := flag.Int("exits", 0, "containers whose end is told of, a minute")
	flag.Parse()
	if err := run(ctx, *exits); err != nil {
		fmt.Fprintln(os.Stderr, "criostandin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, exits int) error {
	if err := os.MkdirAll(filepath.Dir(listenOn), 0o755); err != nil {
		return err
	}
	if err := os.Remove(listenOn); err != nil && !os.IsNotExist(err) {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", listenOn)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	containerd, err := grpc.NewClient(passTo, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	if err != nil {
		return err
	}
	defer containerd.Close()
	p := proxy{to: containerd, exits: exits}
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(p.handle))
	context.AfterFunc(ctx, server.Stop)
	if err := server.Serve(listener); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

// A proxy passes calls on, whatever they are.
type proxy struct {
	to    *grpc.ClientConn
	exits int
}

func (p proxy) handle(_ any, call grpc.ServerStream) error {
	method, ok := grpc.MethodFromServerStream(call)
	if !ok {
		return status.Error(codes.Internal, "a call without a method")
	}
	if method == cri.RuntimeService_GetContainerEvents_FullMethodName {
		return p.tell(call)
	}
	var request []byte
	if err := call.RecvMsg(&request); err != nil {
		return err
	}
	onward, err := p.to.NewStream(call.Context(), &grpc.StreamDesc{ServerStreams: true}, method)
	if err != nil {
		return err
	}
	if err := errors.Join(onward.SendMsg(&request), onward.CloseSend()); err != nil {
		return err
	}
	for {
		var answer []byte
		switch err := onward.RecvMsg(&answer); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := call.SendMsg(&answer); err != nil {
			return err
		}
	}
}

// tell sends events of containers that nobody has seen, until the reader goes.
func (p proxy) tell(call grpc.ServerStream) error {
	var due <-chan time.Time
	if p.exits > 0 {
		ticker := time.NewTicker(time.Minute / time.Duration(p.exits))
		defer ticker.Stop()
		due = ticker.C
	}
	for n := 0; ; n++ {
		select {
		case <-call.Context().Done():
			return nil
		case now := <-due:
			event, err := proto.Marshal(&cri.ContainerEventResponse{
				ContainerId: fmt.Sprintf("storm-%064d", n), CreatedAt: now.UnixNano(),
				ContainerEventType: cri.ContainerEventType_CONTAINER_STOPPED_EVENT,
			})
			if err != nil {
				return err
			}
			if err := call.SendMsg(&event); err != nil {
				return err
			}
		}
	}
}

// raw leaves messages as they are on the wire.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error) {
	message, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("a message is a %T", v)
	}
	return *message, nil
}

func (raw) Unmarshal(data []byte, v any) error {
	message, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("a message is a %T", v)
	}
	*message = append([]byte(nil), data...)
	return nil
}

func (raw) Name() string { return "proto" }
