package bed

import (
	"os"
	"path/filepath"
)

// WriteResult keeps what was measured, in docs/results.
func (b *Bed) WriteResult(name, text string) error {
	dir := filepath.Join(b.Root, "docs", "results")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
}
