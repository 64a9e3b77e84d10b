// Command calicostandin stands in for what Calico's container runs and cannot be had here: felix and confd, each a
// process of `calico-node`, beside a real BIRD 2, under a supervisor that starts each again when it dies, as runit does
// in the container. It is the first process of a PID namespace of its own and shares the host's network, as calico-node
// is and does.
//
//	calico-node              the supervisor
//	calico-node -felix       answers /liveness and /readiness on 127.0.0.1:9099
//	calico-node -confd       does nothing
//
// Tests steer it by files: /run/lab/down/NAME keeps it from starting NAME again, /run/lab/noreap/NAME from reaping it,
// which leaves a zombie. A file /run/lab/sick makes felix answer 503.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	self   = "/opt/bulkhead/calico-node" // where tests put it
	folder = "/run/lab"
	again  = time.Second // runit's pause
	look   = 50 * time.Millisecond
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "calicostandin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 0:
		supervise(ctx)
		return nil
	case args[0] == "-felix":
		return felix(ctx)
	case args[0] == "-confd":
		<-ctx.Done()
		return nil
	default:
		return fmt.Errorf("%q: give -felix, -confd or nothing", args[0])
	}
}

func felix(ctx context.Context) error {
	server := &http.Server{Addr: "127.0.0.1:9099", ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if exists("sick") {
			http.Error(w, "reporter calculation graph: not live", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func supervise(ctx context.Context) {
	var group sync.WaitGroup
	for name, argv := range map[string][]string{
		"felix": {self, "-felix"},
		"confd": {self, "-confd"},
		"bird":  {"/usr/sbin/bird", "-f", "-c", "/etc/calico/bird.cfg", "-s", "/var/run/calico/bird.ctl"},
	} {
		group.Go(func() { keep(ctx, name, argv) })
	}
	group.Wait()
}

// keep runs one program until ctx ends.
func keep(ctx context.Context, name string, argv []string) {
	for ctx.Err() == nil {
		if exists("down/" + name) {
			pause(ctx, look)
			continue
		}
		if err := once(ctx, name, argv); err != nil {
			fmt.Printf("%s ended: %s\n", name, err)
		}
		pause(ctx, again)
	}
}

func once(ctx context.Context, name string, argv []string) error {
	command := exec.CommandContext(ctx, argv[0], argv[1:]...)
	command.Args[0] = filepath.Base(argv[0]) // as in the container: "calico-node -felix"
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Start(); err != nil {
		return err
	}
	// Notice its end without reaping it.
	for ctx.Err() == nil {
		err := unix.Waitid(unix.P_PID, command.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	for exists("noreap/"+name) && ctx.Err() == nil {
		pause(ctx, look)
	}
	return command.Wait()
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(folder, name))
	return err == nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
