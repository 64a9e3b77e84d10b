package process

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

// Remember writes down id under name. Call it right after the start: what is
// not written down is found at `cluster down` by its namespaces only.
func Remember(d state.Dir, name string, id Identity) error {
	data, err := json.Marshal(id)
	if err != nil {
		return fmt.Errorf("remembering process %s: %w", name, err)
	}
	return state.WriteFile(d.Path("processes", name+".json"), data, 0o644)
}

// Recall returns what was remembered under name.
func Recall(d state.Dir, name string) (Identity, error) {
	var id Identity
	data, err := os.ReadFile(d.Path("processes", name+".json"))
	if err != nil {
		return id, fmt.Errorf("recalling process %s: %w", name, err)
	}
	if err := json.Unmarshal(data, &id); err != nil {
		return id, fmt.Errorf("recalling process %s: %w", name, err)
	}
	return id, nil
}

// Recorded returns every remembered process by name. Files that cannot be read
// are left out: they name nothing that could be signalled safely.
func Recorded(d state.Dir) map[string]Identity {
	all := map[string]Identity{}
	files, _ := filepath.Glob(d.Path("processes", "*.json"))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if id, err := Recall(d, name); err == nil {
			all[name] = id
		}
	}
	return all
}
