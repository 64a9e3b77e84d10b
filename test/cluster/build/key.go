package build

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Key is a hash over what a component is built from: its sources with go.mod and
// go.sum, its steps with their flags, and the platform. The Go version counts by
// the go line of go.mod only; a patch release of the compiler rebuilds nothing.
func (c Component) Key(source string) (string, error) {
	hash := sha256.New()
	recipe, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("hashing component %s: %w", c.Name, err)
	}
	fmt.Fprintf(hash, "%s/%s\n%s\n", runtime.GOOS, runtime.GOARCH, recipe)

	names, err := sources(filepath.Join(source, c.Source))
	if err != nil {
		return "", fmt.Errorf("hashing sources of %s: %w", c.Name, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(source, c.Source, name))
		if err != nil {
			return "", fmt.Errorf("hashing sources of %s: %w", c.Name, err)
		}
		fmt.Fprintf(hash, "%s %d\n%s", name, len(data), data)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// sources lists what the compiler reads below dir, in order.
func sources(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		isGo := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
		if isGo || slices.Contains([]string{"go.mod", "go.sum"}, filepath.Base(name)) {
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}
