//go:build daemons

// Against Debian's containerd (1.6, package containerd), and against another one named by CONTAINERD: in namespaces of its
// own, without a container.
package containers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

const configuration = `version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = %q
[ttrpc]
  address = %q
[plugins."io.containerd.grpc.v1.cri"]
  stream_server_address = "0.0.0.0"
  disable_apparmor = true
`

// startContainerd runs a containerd in namespaces of its own and gives the machine it is on.
func startContainerd(t *testing.T) host.Paths {
	t.Helper()
	binary := os.Getenv("CONTAINERD")
	if binary == "" {
		binary = "containerd"
	}
	root, err := os.MkdirTemp("", "c")
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(root, "run"), 0o755))
	file := filepath.Join(root, "config.toml")
	at := func(name string) string { return filepath.Join(root, "run", name) }
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, configuration,
		filepath.Join(root, "root"), at("state"), at("r.sock"), at("t.sock")), 0o600))
	var output []byte
	command := exec.Command(binary, "--config", file) //nolint:forbidigo // ended by the clean-up
	log, err := os.Create(filepath.Join(root, "log"))
	require.NoError(t, err)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			output, _ = os.ReadFile(log.Name())
			t.Logf("containerd said:\n%s", output)
		}
		_ = os.RemoveAll(root)
	})
	return host.Paths{Root: root}
}

// publisher publishes events as a shim would, and says how to.
func publisher(t *testing.T, paths host.Paths) func(topic, kind string, task []byte) error {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", paths.At("/run/r.sock"))
		}))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return func(topic, kind string, task []byte) error {
		wrapped := text(nil, 1, kind)
		wrapped = protowire.AppendBytes(protowire.AppendTag(wrapped, 2, protowire.BytesType), task)
		request := text(nil, 1, topic)
		request = protowire.AppendBytes(protowire.AppendTag(request, 2, protowire.BytesType), wrapped)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		ctx = metadata.AppendToOutgoingContext(ctx, "containerd-namespace", "k8s.io")
		var response []byte
		return conn.Invoke(ctx, "/containerd.services.events.v1.Events/Publish", &request, &response, grpc.ForceCodecV2(bytesCodec{}))
	}
}

// bytesCodec sends what is bytes already.
type bytesCodec struct{}

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}
func (bytesCodec) Unmarshal(mem.BufferSlice, any) error { return nil }
func (bytesCodec) Name() string                         { return proto.Name }

func text(to []byte, number protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(to, number, protowire.BytesType), value)
}

func exit(container, process string, code uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(text(text(nil, 1, container), 2, process), 4, protowire.VarintType), code)
}

func TestRealContainerd(t *testing.T) {
	paths := startContainerd(t)
	doors := host.Open(paths)
	t.Cleanup(doors.Close)
	o := config.DefaultContainers()
	probe := New(o, func(context.Context) (string, error) { return "/run/r.sock", nil }, doors)
	look := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		probe.reconcileSoon()
		findings, err := probe.Probe(ctx)
		require.Empty(t, findings)
		return err
	}
	require.Eventually(t, func() bool { return look() == nil }, 30*time.Second, 50*time.Millisecond, "both lists are answered")

	r, err := probe.found(t.Context())
	require.NoError(t, err)
	name, err := r.events.Name(t.Context(), t.Context())
	require.NoError(t, err)
	require.Equal(t, "containerd", name)

	// A stream of containerd's own events.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan host.ContainerEvent, 10)
	ended := make(chan error, 1)
	go func() {
		ended <- doors.CRI("/run/r.sock").TaskEvents(ctx, func() {}, func(e host.ContainerEvent) { got <- e })
	}()
	publish := publisher(t, paths)
	next := func() host.ContainerEvent {
		select {
		case e := <-got:
			return e
		case err := <-ended:
			require.NoError(t, err, "the stream ended")
		case <-time.After(5 * time.Second):
			require.Fail(t, "no event came")
		}
		return host.ContainerEvent{}
	}
	require.Eventually(t, func() bool {
		require.NoError(t, publish("/tasks/start", "containerd.events.TaskStart", text(nil, 1, "first")))
		return len(got) > 0
	}, 5*time.Second, 10*time.Millisecond, "subscribed")
	require.NoError(t, publish("/tasks/oom", "containerd.events.TaskOOM", text(nil, 1, "c")))
	require.NoError(t, publish("/tasks/exit", "containerd.events.TaskExit", exit("c", "exec", 1)))
	began := time.Now()
	require.NoError(t, publish("/tasks/exit", "containerd.events.TaskExit", exit("c", "c", 137)))
	event := next()
	for event.Kind == host.ContainerStarted { // of those that asked whether it had subscribed
		require.Equal(t, "first", event.ID)
		event = next()
	}
	require.Equal(t, host.ContainerEvent{ID: "c", Kind: host.ContainerStopped, ExitCode: 137}, event)
	t.Logf("published and delivered in %s", time.Since(began))
	require.Empty(t, got, "neither an exec's end nor what is not subscribed")
}

// TestRealContainerd_AReaderThatIsStoppedHoldsUpNobody is why containerd's own events are used: the same with
// GetContainerEvents would stop containerd 2 after 101 events.
func TestRealContainerd_AReaderThatIsStoppedHoldsUpNobody(t *testing.T) {
	paths := startContainerd(t)
	doors := host.Open(paths)
	t.Cleanup(doors.Close)
	cri := doors.CRI("/run/r.sock")
	require.Eventually(t, func() bool {
		_, err := cri.Name(t.Context(), t.Context())
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	var stopped, well atomic.Int64
	follow := func(count *atomic.Int64, each func()) {
		go func() {
			_ = doors.CRI("/run/r.sock").TaskEvents(t.Context(), func() {}, func(host.ContainerEvent) { count.Add(1); each() })
		}()
	}
	follow(&stopped, func() { <-release })
	follow(&well, func() {})
	publish := publisher(t, paths)
	start := text(nil, 1, "c")
	require.Eventually(t, func() bool {
		require.NoError(t, publish("/tasks/start", "containerd.events.TaskStart", start))
		return stopped.Load() > 0 && well.Load() > 0
	}, 5*time.Second, 10*time.Millisecond)
	const events = 5000
	before := well.Load()
	for range events {
		require.NoError(t, publish("/tasks/start", "containerd.events.TaskStart", start))
	}
	require.Eventually(t, func() bool { return well.Load() >= before+events }, 10*time.Second, time.Millisecond)
	require.EqualValues(t, 1, stopped.Load())
}
