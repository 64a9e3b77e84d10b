package host

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const counters = "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n" +
	"0000002a  00000000 00000000 00000000 00000001 00000000 00000000 00000000 00000000 00000000 0000000a 00000000 00000000  00000000 00000000 00000000 00000000\n"

func TestParseDropped_FindsTheColumnByItsName(t *testing.T) {
	n, err := parseDropped([]byte(counters))
	require.NoError(t, err)
	require.EqualValues(t, 10, n)
	for _, bad := range []string{"", "a b c\n1 2 3\n", "drop\nxyz\n", "a drop\n1\n"} {
		_, err := parseDropped([]byte(bad))
		require.Error(t, err, "%q", bad)
	}
}

func FuzzParseDropped(f *testing.F) {
	f.Add([]byte(counters))
	f.Add([]byte("drop\nffffffffffffffff\n1\n"))
	f.Fuzz(func(_ *testing.T, raw []byte) { _, _ = parseDropped(raw) })
}
