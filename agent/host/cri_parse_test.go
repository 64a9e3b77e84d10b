package host

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

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
	raw, err := proto.Marshal(aContainerList())
	require.NoError(t, err)
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
	raw, err := proto.Marshal(&cri.ListPodSandboxResponse{Items: []*cri.PodSandbox{
		{Id: "a", Metadata: pod, State: cri.PodSandboxState_SANDBOX_READY, Labels: map[string]string{"app": "web"}, CreatedAt: 1},
		{Id: "b", Metadata: pod, State: cri.PodSandboxState_SANDBOX_NOTREADY},
	}})
	require.NoError(t, err)
	list, err := parseSandboxes(raw)
	require.NoError(t, err)
	require.Equal(t, []Sandbox{
		{ID: "a", Namespace: "default", Pod: "web-0", UID: "u", Ready: true}, {ID: "b", Namespace: "default", Pod: "web-0", UID: "u"},
	}, list)
}

func FuzzParseLists(f *testing.F) {
	raw, err := proto.Marshal(aContainerList())
	require.NoError(f, err)
	f.Add(raw)
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
