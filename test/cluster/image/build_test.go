package image

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"
)

func TestBinary_EqualProgramsMakeEqualArchives(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "agent")
	require.NoError(t, os.WriteFile(program, []byte("program"), 0o755))

	var archives [][]byte
	for _, name := range []string{"a.tar", "b.tar"} {
		out := filepath.Join(dir, name)
		require.NoError(t, Binary{Reference: "test.bulkhead.dev/agent:1", Path: program, User: "65532"}.Write(out))
		data, err := os.ReadFile(out)
		require.NoError(t, err)
		archives = append(archives, data)
	}
	require.Equal(t, archives[0], archives[1])

	img, err := tarball.ImageFromPath(filepath.Join(dir, "a.tar"), nil)
	require.NoError(t, err)
	config, err := img.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, []string{"/agent"}, config.Config.Entrypoint)
	require.Equal(t, "65532", config.Config.User)
}

func TestBinary_RefusesABadReference(t *testing.T) {
	require.ErrorContains(t, Binary{Reference: "Not A Name"}.Write("x.tar"), "building image")
}
