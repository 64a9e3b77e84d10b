package host

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

const tail = " S 1 1 1 0 -1 4194560 100 0 0 0 10 20 0 0 20 0 12 0 4242 1000000 2000"

func TestParseStat(t *testing.T) {
	for _, name := range []string{"kubelet", "a b", ") S 1 (", "((sd-pam)", ""} {
		p, err := parseStat([]byte("17 (" + name + ")" + tail))
		require.NoError(t, err, name)
		require.Equal(t, Process{PID: 17, Name: name, State: 'S', Parent: 1, Started: 4242}, p)
	}
	for _, bad := range []string{"", "17", "17 (x", "17 )x( S", "(x)" + tail, "0 (x)" + tail, "17 (x) S 1 2", "17 (x) S 1 1 1 0 -1 4 1 0 0 0 1 2 0 0 2 0 12 0 x 1"} {
		_, err := parseStat([]byte(bad))
		require.Error(t, err, bad)
	}
}

func TestParseStat_ReadsThisKernel(t *testing.T) {
	p, err := NewProcesses(Paths{}).Stat(os.Getpid())
	require.NoError(t, err)
	require.Equal(t, os.Getpid(), p.PID)
	require.NotZero(t, p.Started)
	require.False(t, p.IsZombie())
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("17 (kubelet)" + tail))
	f.Add([]byte("17 () S 1 ( )" + tail))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := parseStat(raw)
		if err == nil {
			require.Positive(t, p.PID)
			require.NotZero(t, p.State)
		}
	})
}
