package host

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func marshal(t testing.TB, message proto.Message) []byte {
	t.Helper()
	raw, err := proto.Marshal(message)
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
			got, ok, err := parseCRIEvent(marshal(t, c.event))
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
	raw := marshal(t, aPod(cri.ContainerEventType_CONTAINER_STOPPED_EVENT))
	_, _, err := parseCRIEvent(raw[:len(raw)-3])
	require.Error(t, err)
	raw = envelope("/tasks/exit", taskExit("c", "c", 1))
	_, _, err = parseTaskEvent(raw[:len(raw)-3])
	require.Error(t, err)
}

// aContainerList has one container of each state, with what the kubelet writes beside it.
func aContainerList() *cri.ListContainersResponse {
	l := &cri.ListContainersResponse{}
	for state := range cri.ContainerState_name {
		l.Containers = append(l.Containers, &cri.Container{
			Id: fmt.Sprint("c", state), PodSandboxId: "pod", State: cri.ContainerState(state), CreatedAt: 1700000000123456789,
			Metadata: &cri.ContainerMetadata{Name: "app", Attempt: 3}, Image: &cri.ImageSpec{Image: "registry.example/app:v1"},
			Labels: map[string]string{"io.kubernetes.pod.name": "web-0", "io.kubernetes.container.name": "app"},
		})
	}
	return l
}

func TestParseContainers(t *testing.T) {
	raw := marshal(t, aContainerList())
	list, err := parseContainers(raw)
	require.NoError(t, err)
	require.Len(t, list, 4)
	for _, got := range list {
		want := Container{ID: got.ID, Sandbox: "pod", Name: "app", Attempt: 3, Created: time.Unix(0, 1700000000123456789), State: map[string]ContainerState{
			"c0": ContainerCreated, "c1": ContainerRunning, "c2": ContainerExited, "c3": ContainerUnknown,
		}[got.ID]}
		require.Equal(t, want, got)
	}
	_, err = parseContainers(raw[:len(raw)-1])
	require.Error(t, err)
	list, err = parseContainers(nil)
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestParseSandboxes(t *testing.T) {
	pod := &cri.PodSandboxMetadata{Name: "web-0", Uid: "u", Namespace: "default", Attempt: 1}
	raw := marshal(t, &cri.ListPodSandboxResponse{Items: []*cri.PodSandbox{
		{Id: "a", Metadata: pod, State: cri.PodSandboxState_SANDBOX_READY, Labels: map[string]string{"app": "web"}, CreatedAt: 1},
		{Id: "b", Metadata: pod, State: cri.PodSandboxState_SANDBOX_NOTREADY},
	}})
	list, err := parseSandboxes(raw)
	require.NoError(t, err)
	require.Equal(t, []Sandbox{
		{ID: "a", Namespace: "default", Pod: "web-0", UID: "u", Ready: true}, {ID: "b", Namespace: "default", Pod: "web-0", UID: "u"},
	}, list)
}

func TestParseRuntimeStatus(t *testing.T) {
	raw := marshal(t, &cri.StatusResponse{
		Status: &cri.RuntimeStatus{Conditions: []*cri.RuntimeCondition{
			{Type: cri.RuntimeReady, Status: true},
			{Type: "ContainerdHasNoDeprecationWarnings", Reason: "Deprecated", Message: "something"},
			{Type: cri.NetworkReady, Reason: "NetworkPluginNotReady", Message: "cni plugin not initialized"},
		}},
		Info: map[string]string{"config": "{}"},
	})
	got, err := parseRuntimeStatus(raw)
	require.NoError(t, err)
	require.Equal(t, RuntimeStatus{RuntimeReady: true, NetworkReason: "NetworkPluginNotReady: cni plugin not initialized"}, got)
	_, err = parseRuntimeStatus(raw[:len(raw)-1])
	require.Error(t, err)
}

func TestParseRuntimeName(t *testing.T) {
	name, err := parseRuntimeName(marshal(t, &cri.VersionResponse{Version: "0.1.0", RuntimeName: "containerd", RuntimeVersion: "1.6.0"}))
	require.NoError(t, err)
	require.Equal(t, "containerd", name)
}

func TestContainerStatusRequest(t *testing.T) {
	for _, withPID := range []bool{false, true} {
		var got cri.ContainerStatusRequest
		require.NoError(t, proto.Unmarshal(containerStatusRequest("c", withPID), &got))
		require.Equal(t, "c", got.GetContainerId())
		require.Equal(t, withPID, got.GetVerbose())
	}
}

func TestParseContainerDetail(t *testing.T) {
	status := &cri.ContainerStatus{Id: "c", State: cri.ContainerState_CONTAINER_EXITED, ExitCode: -1}
	for name, c := range map[string]struct {
		info map[string]string
		want ContainerDetail
		err  string
	}{
		"not asked for more": {want: ContainerDetail{State: ContainerExited, ExitCode: -1}},
		"with its process":   {info: map[string]string{"info": `{"sandboxID": "s", "pid": 4711}`, "other": "{"}, want: ContainerDetail{State: ContainerExited, ExitCode: -1, PID: 4711}},
		"with nothing in it": {info: map[string]string{"info": ""}, want: ContainerDetail{State: ContainerExited, ExitCode: -1}},
		"not an object":      {info: map[string]string{"info": "{"}, err: "reading the runtime's info"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseContainerDetail(marshal(t, &cri.ContainerStatusResponse{Status: status, Info: c.info}))
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func FuzzParseLists(f *testing.F) {
	f.Add(marshal(f, aContainerList()))
	f.Add([]byte{0x0a, 0x02, 0x1a, 0x7f})
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := parseContainers(raw)
		var want cri.ListContainersResponse
		if proto.Unmarshal(raw, &want) == nil && err == nil {
			require.Len(t, got, len(want.GetContainers()), "as the generated code reads it")
		}
		_, _ = parseSandboxes(raw)
	})
}

func FuzzParseCRIEvent(f *testing.F) {
	f.Add(marshal(f, aPod(cri.ContainerEventType_CONTAINER_STOPPED_EVENT)))
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

func FuzzParseAnswers(f *testing.F) {
	f.Add(marshal(f, &cri.StatusResponse{Status: &cri.RuntimeStatus{Conditions: []*cri.RuntimeCondition{
		{Type: cri.RuntimeReady, Status: true, Reason: "a", Message: "b"}, {Type: cri.NetworkReady},
	}}}))
	f.Add(marshal(f, &cri.ContainerStatusResponse{
		Status: &cri.ContainerStatus{Id: "c", State: cri.ContainerState_CONTAINER_EXITED, ExitCode: -1},
		Info:   map[string]string{"info": `{"pid": 1}`},
	}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		name, err := parseRuntimeName(raw)
		var want cri.VersionResponse
		if proto.Unmarshal(raw, &want) == nil && err == nil {
			require.Equal(t, want.GetRuntimeName(), name, "as the generated code reads it")
		}
		_, _ = parseRuntimeStatus(raw)
		_, _ = parseContainerDetail(raw)
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
	raw := marshal(b, aPod(cri.ContainerEventType_CONTAINER_STOPPED_EVENT))
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = parseCRIEvent(raw)
	}
}

// BenchmarkUnmarshalCRIEvent is the same by the generated code, to compare.
func BenchmarkUnmarshalCRIEvent(b *testing.B) {
	raw := marshal(b, aPod(cri.ContainerEventType_CONTAINER_STOPPED_EVENT))
	b.ReportAllocs()
	for b.Loop() {
		var event cri.ContainerEventResponse
		_ = proto.Unmarshal(raw, &event)
	}
}
