package lifecycle

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/test/cluster/kubeapi"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

func TestOptions_Validate(t *testing.T) {
	for name, tc := range map[string]struct {
		options Options
		problem string
	}{
		"defaults":            {options: Options{Nodes: 3, Zones: 3}},
		"no nodes":            {options: Options{Nodes: 0, Zones: 3}, problem: "--nodes=0: from 1 to 10 are possible"},
		"too many nodes":      {options: Options{Nodes: 11, Zones: 3}, problem: "--nodes=11"},
		"no zones":            {options: Options{Nodes: 1}, problem: "--zones=0"},
		"a limited disk":      {options: Options{Nodes: 1, Zones: 1, NodefsSize: "64m"}},
		"a disk without unit": {options: Options{Nodes: 1, Zones: 1, NodefsSize: "64"}, problem: "--nodefs-size"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.options.Validate()
			if tc.problem == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.problem)
		})
	}
}

func TestOptions_DealOutZonesInTurn(t *testing.T) {
	nodes := Options{Nodes: 3, Zones: 2}.nodes()
	require.Equal(t, []state.Node{
		{Name: "n1", Number: 1, Zone: "zone-a"},
		{Name: "n2", Number: 2, Zone: "zone-b"},
		{Name: "n3", Number: 3, Zone: "zone-a"},
	}, nodes)
}

func TestAllReady(t *testing.T) {
	want := []state.Node{{Name: "n1"}, {Name: "n2"}}
	require.ErrorContains(t, allReady(want, nil), "n1 has not registered")
	require.ErrorContains(t, allReady(want, []kubeapi.Node{{Name: "n1", Ready: "True"}, {Name: "n2", Ready: "Unknown"}}), "n2 is not ready")
	require.NoError(t, allReady(want, []kubeapi.Node{{Name: "n2", Ready: "True"}, {Name: "n1", Ready: "True"}}))
}

func TestMountsBelow_InnermostFirst(t *testing.T) {
	const mounts = `1 0 8:1 / / rw - ext4 x rw
2 1 0:9 / /var/tmp/c/nodes/n1 rw - tmpfs x rw
3 2 0:9 / /var/tmp/c/nodes/n1/kubelet rw - tmpfs x rw
4 1 0:9 / /var/tmp/c-other rw - tmpfs x rw
`
	require.Equal(t, []string{"/var/tmp/c/nodes/n1/kubelet", "/var/tmp/c/nodes/n1"}, mountsBelow(mounts, "/var/tmp/c"))
}
