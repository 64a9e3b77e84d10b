package node

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

// Write writes a file inside a node that is switched on.
func Write(d state.Dir, node, path string, data []byte, mode os.FileMode) error {
	init, err := Init(d, node)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(path) {
		return fmt.Errorf("writing %q on %s: the path is not absolute", path, node)
	}
	// Seen through the first process, whose root file system is the node's. An
	// absolute link on the way would lead back to the machine; nodes have none
	// where files are pushed to, except /var/run.
	inside := filepath.Join(fmt.Sprintf("/proc/%d/root", init.PID), path)
	if err := state.WriteFile(inside, data, mode); err != nil {
		return err
	}
	// By name, since the umask may have taken bits away.
	if err := os.Chmod(inside, mode); err != nil {
		return fmt.Errorf("writing %s on %s: %w", path, node, err)
	}
	return nil
}
