package process

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestParseStat(t *testing.T) {
	const tail = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20"
	for name, tc := range map[string]struct {
		stat  string
		state byte
		ticks uint64
		bad   bool
	}{
		"a plain command":             {stat: "7 (etcd) S" + tail, state: 'S', ticks: 4711},
		"blanks and brackets in name": {stat: "7 (a) b) (c) Z" + tail, state: 'Z', ticks: 4711},
		"cut short":                   {stat: "7 (etcd) S 1 2", bad: true},
		"empty":                       {stat: "", bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			state, ticks, err := parseStat(tc.stat)
			if tc.bad {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.state, state)
			require.Equal(t, tc.ticks, ticks)
		})
	}
}

func TestIdentity_IsOfThisProcessOnly(t *testing.T) {
	id, err := Identify(os.Getpid())
	require.NoError(t, err)
	require.True(t, id.Alive())

	reused := id
	reused.Ticks++ // as if another process had got the number
	require.False(t, reused.Alive())
	require.ErrorIs(t, reused.Signal(unix.SIGKILL), ErrEnded)

	rebooted := id
	rebooted.BootID = "another"
	require.ErrorIs(t, rebooted.Signal(unix.SIGKILL), ErrEnded)
}

func TestIdentity_ZombieHasEnded(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	require.NoError(t, cmd.Start())
	id, err := Identify(cmd.Process.Pid)
	require.NoError(t, err)
	require.NoError(t, id.Kill(10*time.Second)) // nobody has reaped it yet
	require.False(t, id.Alive())
	require.Error(t, cmd.Wait())
	require.NoError(t, id.Kill(time.Second), "killing what has ended is no error")
}

func TestInnermost(t *testing.T) {
	require.Equal(t, 12, innermost("Name:\tx\nNSpid:\t4711\t12\nVmPeak:\t1\n"))
	require.Equal(t, 4711, innermost("NSpid:\t4711\n"))
	require.Zero(t, innermost("Name:\tx\n"))
}
