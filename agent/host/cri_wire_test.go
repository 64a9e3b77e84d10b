package host

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func criEvent(t testing.TB, e *cri.ContainerEventResponse) []byte {
	t.Helper()
	raw, err := proto.Marshal(e)
	require.NoError(t, err)
	return raw
}

// aPod is what a runtime tells of a pod with every event.
func aPod(kind cri.ContainerEventType) *cri.ContainerEventResponse {
	labels := map[string]string{"io.kubernetes.pod.name": "web-0", "io.kubernetes.pod.namespace": "default", "app": "web"}
	container := func(id string, code int32) *cri.ContainerStatus {
		return &cri.ContainerStatus{
			Id: id, ExitCode: code, State: cri.ContainerState_CONTAINER_EXITED, Labels: labels, Annotations: labels,
			Metadata: &cri.ContainerMetadata{Name: id}, Image: &cri.ImageSpec{Image: "registry.example/app:v1"}, Reason: "Error",
			Mounts: []*cri.Mount{{ContainerPath: "/etc/hosts", HostPath: "/var/lib/kubelet/pods/1/etc-hosts"}, {ContainerPath: "/data", HostPath: "/var/lib/kubelet/pods/1/volumes/data"}},
		}
	}
	return &cri.ContainerEventResponse{
		ContainerId: "two", ContainerEventType: kind, CreatedAt: 1,
		PodSandboxStatus:   &cri.PodSandboxStatus{Id: "pod", Labels: labels, Annotations: labels},
		ContainersStatuses: []*cri.ContainerStatus{container("one", 1), container("two", -2), container("three", 3)},
	}
}

func TestParseCRIEvent(t *testing.T) {
	for name, c := range map[string]struct {
		event *cri.ContainerEventResponse
		want  ContainerEvent
		ok    bool
	}{
		"created":            {event: aPod(cri.ContainerEventType_CONTAINER_CREATED_EVENT)},
		"started":            {event: aPod(cri.ContainerEventType_CONTAINER_STARTED_EVENT), want: ContainerEvent{ID: "two", Kind: ContainerStarted}, ok: true},
		"stopped":            {event: aPod(cri.ContainerEventType_CONTAINER_STOPPED_EVENT), want: ContainerEvent{ID: "two", Kind: ContainerStopped, ExitCode: -2}, ok: true},
		"deleted":            {event: aPod(cri.ContainerEventType_CONTAINER_DELETED_EVENT), want: ContainerEvent{ID: "two", Kind: ContainerDeleted}, ok: true},
		"a kind of tomorrow": {event: aPod(17)},
		"a sandbox stopped": {
			event: &cri.ContainerEventResponse{ContainerId: "pod", ContainerEventType: cri.ContainerEventType_CONTAINER_STOPPED_EVENT},
			want:  ContainerEvent{ID: "pod", Kind: ContainerStopped, ExitCode: -1}, ok: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok, err := parseCRIEvent(criEvent(t, c.event))
			require.NoError(t, err)
			require.Equal(t, c.ok, ok)
			require.Equal(t, c.want, got)
		})
	}
}

// envelope is what containerd sends, written by hand: its API is not linked.
func envelope(topic string, task []byte) []byte {
	wrapped := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "containerd.events.Task")
	wrapped = protowire.AppendBytes(protowire.AppendTag(wrapped, 2, protowire.BytesType), task)
	raw := protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), "k8s.io")
	raw = protowire.AppendString(protowire.AppendTag(raw, 3, protowire.BytesType), topic)
	return protowire.AppendBytes(protowire.AppendTag(raw, 4, protowire.BytesType), wrapped)
}

func taskExit(container, process string, code uint64) []byte {
	raw := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), container)
	raw = protowire.AppendString(protowire.AppendTag(raw, 2, protowire.BytesType), process)
	raw = protowire.AppendVarint(protowire.AppendTag(raw, 3, protowire.VarintType), 4711)
	return protowire.AppendVarint(protowire.AppendTag(raw, 4, protowire.VarintType), code)
}

func taskStart(container string) []byte {
	raw := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), container)
	return protowire.AppendVarint(protowire.AppendTag(raw, 2, protowire.VarintType), 4711)
}

func TestParseTaskEvent(t *testing.T) {
	for name, c := range map[string]struct {
		raw  []byte
		want ContainerEvent
		ok   bool
	}{
		"started":               {raw: envelope("/tasks/start", taskStart("c")), want: ContainerEvent{ID: "c", Kind: ContainerStarted}, ok: true},
		"ended":                 {raw: envelope("/tasks/exit", taskExit("c", "c", 137)), want: ContainerEvent{ID: "c", Kind: ContainerStopped, ExitCode: 137}, ok: true},
		"an exec in it ended":   {raw: envelope("/tasks/exit", taskExit("c", "probe", 1))},
		"something else":        {raw: envelope("/tasks/oom", taskStart("c"))},
		"an event without task": {raw: envelope("/tasks/oom", nil)},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok, err := parseTaskEvent(c.raw)
			require.NoError(t, err)
			require.Equal(t, c.ok, ok)
			require.Equal(t, c.want, got)
		})
	}
}

func TestParse_WhatIsCutOffIsAnError(t *testing.T) {
	raw := criEvent(t, aPod(cri.ContainerEventType_CONTAINER_STOPPED_EVENT))
	_, _, err := parseCRIEvent(raw[:len(raw)-3])
	require.Error(t, err)
	raw = envelope("/tasks/exit", taskExit("c", "c", 1))
	_, _, err = parseTaskEvent(raw[:len(raw)-3])
	require.Error(t, err)
}

func FuzzParseCRIEvent(f *testing.F) {
	f.Add(criEvent(f, aPod(cri.ContainerEventType_CONTAINER_STOPPED_EVENT)))
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, ok, err := parseCRIEvent(raw)
		var want cri.ContainerEventResponse
		if proto.Unmarshal(raw, &want) != nil || err != nil || !ok {
			return
		}
		require.Equal(t, want.GetContainerId(), got.ID, "as the generated code reads it")
	})
}

func FuzzParseTaskEvent(f *testing.F) {
	f.Add(envelope("/tasks/exit", taskExit("c", "c", 137)))
	f.Add(envelope("/tasks/start", taskStart("c")))
	f.Add([]byte{0x22, 0x02, 0x12, 0x7f})
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, ok, err := parseTaskEvent(raw)
		if err != nil || !ok {
			require.Zero(t, got)
		}
	})
}

// BenchmarkParseCRIEvent: an exit in a pod of three containers.
func BenchmarkParseCRIEvent(b *testing.B) {
	raw := criEvent(b, aPod(cri.ContainerEventType_CONTAINER_STOPPED_EVENT))
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = parseCRIEvent(raw)
	}
}

// BenchmarkUnmarshalCRIEvent is the same by the generated code, to compare.
func BenchmarkUnmarshalCRIEvent(b *testing.B) {
	raw := criEvent(b, aPod(cri.ContainerEventType_CONTAINER_STOPPED_EVENT))
	b.ReportAllocs()
	for b.Loop() {
		var event cri.ContainerEventResponse
		_ = proto.Unmarshal(raw, &event)
	}
}
