package node

import (
	"io"

	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

// LoadImage imports an archive into the containerd of a node, for its kubelet.
func LoadImage(d state.Dir, node string, archive io.Reader) error {
	init, err := Init(d, node)
	if err != nil {
		return err
	}
	_, err = Output(init, archive, "ctr", "-n", "k8s.io", "images", "import", "--local", "--snapshotter", "overlayfs", "-")
	return err
}
