package bed

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseConsumption(t *testing.T) {
	c, err := ParseConsumption("7 (a) b) S 1 1 1 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 8 0 99 1 2\nVmRSS:\t   18000 kB\nRssAnon:\t    3000 kB\n" +
		"voluntary_ctxt_switches:\t10\nvoluntary_ctxt_switches:\t5\n")
	require.NoError(t, err)
	require.Equal(t, 2*time.Second, c.CPU)
	require.Equal(t, 18000, c.RSS)
	require.Equal(t, 3000, c.Own)
	require.Equal(t, 15, c.Switches)
	_, err = ParseConsumption("pgrep: no such process")
	require.ErrorContains(t, err, "no stat")
}

func TestParseConsumption_OfThisProcess(t *testing.T) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", os.Getpid()))
	require.NoError(t, err)
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	c, err := ParseConsumption(string(stat) + string(status))
	require.NoError(t, err)
	require.Positive(t, c.RSS)
}
