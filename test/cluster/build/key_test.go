package build

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKey_ChangesWithEverythingThatMatters(t *testing.T) {
	source := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(source, "part", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("go.mod", "module x")
	write("cmd/main.go", "package main")
	part := Component{Name: "part", Source: "part", Steps: []Step{{Packages: []string{"."}}}}
	key := func(c Component) string {
		k, err := c.Key(source)
		require.NoError(t, err)
		return k
	}

	first := key(part)
	write("README.md", "words")
	write("cmd/main_test.go", "package main")
	require.Equal(t, first, key(part), "documents and tests do not matter")

	flagged := part
	flagged.Steps = []Step{{Packages: []string{"."}, Tags: "seccomp"}}
	require.NotEqual(t, first, key(flagged), "flags matter")

	write("cmd/main.go", "package main // changed")
	second := key(part)
	require.NotEqual(t, first, second, "sources matter")
	write("go.mod", "module y")
	require.NotEqual(t, second, key(part), "pins matter")
}

func TestArguments_KeepTagsAndPackagesApart(t *testing.T) {
	step := Step{Packages: []string{"a", "b"}, Tags: "t1 t2", LDFlags: "-s -w"}
	require.Equal(t, []string{"build", "-v", "-trimpath", "-ldflags", "-s -w", "-tags", "t1 t2", "-o", "out/", "a", "b"}, step.arguments("out"))
}
