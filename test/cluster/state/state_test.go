package state

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFromEnvironment(t *testing.T) {
	for value, want := range map[string]Dir{
		"":           DefaultDir,
		"/some/dir/": "/some/dir",
		"/":          "",
		"relative":   "",
		"/a/..":      "",
	} {
		t.Setenv(Variable, value)
		got, err := FromEnvironment()
		require.Equal(t, want == "", err != nil, "%q", value)
		require.Equal(t, want, got)
	}
}

func TestLoad_ReturnsWhatWasSaved(t *testing.T) {
	d := Dir(t.TempDir())
	_, err := Load(d)
	require.ErrorIs(t, err, ErrDown)

	want := Cluster{Started: time.Now().UTC().Round(time.Second), Nodes: []Node{{Name: "n1", Number: 1, Zone: "zone-a"}}}
	require.NoError(t, Save(d, want))
	got, err := Load(d)
	require.NoError(t, err)
	require.Equal(t, want, got)

	_, err = got.Find("n1")
	require.NoError(t, err)
	_, err = got.Find("n2")
	require.ErrorContains(t, err, `no node is called "n2", there are [n1]`)
}

func TestClear_LeavesFilesThatAreNotOurs(t *testing.T) {
	d := Dir(t.TempDir())
	require.NoError(t, Save(d, Cluster{}))
	require.NoError(t, WriteFile(d.Node("n1", "spec.json"), nil, 0o644))
	mine := d.Path("notes.txt")
	require.NoError(t, os.WriteFile(mine, nil, 0o644))

	require.NoError(t, d.Clear())
	require.NoError(t, d.Clear(), "it may be repeated")
	left, err := filepath.Glob(d.Path("*"))
	require.NoError(t, err)
	require.Equal(t, []string{mine}, left)
}

func TestLock_LetsOneInAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := Lock(path, time.Second, nil)
	require.NoError(t, err)

	_, err = Lock(path, time.Millisecond, nil)
	require.ErrorIs(t, err, ErrLocked)

	unlock()
	unlock, err = Lock(path, time.Second, nil)
	require.NoError(t, err)
	unlock()
}
