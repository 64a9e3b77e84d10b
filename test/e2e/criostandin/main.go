// Command criostandin stands in for CRI-O, which cannot be had on the test machines: it serves the CRI on CRI-O's socket
// path by passing every byte on to containerd. A unit crio.service that runs it looks to the agent as CRI-O does: an
// active unit, a process called crio and a socket that answers Status. It is no proof of anything about CRI-O itself.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

const (
	listenOn = "/run/crio/crio.sock"
	passTo   = "/run/containerd/containerd.sock"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "criostandin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
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
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	for {
		client, err := listener.Accept()
		switch {
		case err == nil:
		case ctx.Err() != nil: // asked to end: the error is the closed listener
			return nil //nolint:nilerr // see above
		default:
			return fmt.Errorf("accepting: %w", err)
		}
		go pass(ctx, client)
	}
}

// pass copies both ways until one side ends.
func pass(ctx context.Context, client net.Conn) {
	defer client.Close()
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, "unix", passTo)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer server.Close()
		_, _ = io.Copy(server, client)
	}()
	_, _ = io.Copy(client, server)
}
