package build

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// SourceVariable names the folder test/cluster of a clone, for a command that is
// called from somewhere else.
const SourceVariable = "BULKHEAD_CLUSTER_SOURCE"

const modulePath = "github.com/bulkhead-dev/bulkhead/test/cluster"

// FindSource looks for the sources of the components: in the environment, then
// in the working directory and above it.
func FindSource() (string, error) {
	if dir := os.Getenv(SourceVariable); dir != "" {
		return dir, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		for _, candidate := range []string{dir, filepath.Join(dir, "test", "cluster")} {
			if isSource(candidate) {
				return candidate, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("finding sources: call this from a clone of the repository, or set " + SourceVariable + " to its folder test/cluster")
		}
	}
}

func isSource(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	first, _, _ := strings.Cut(string(data), "\n")
	return err == nil && strings.TrimSpace(first) == "module "+modulePath
}
