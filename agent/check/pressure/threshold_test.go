package pressure

import (
	_ "embed"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a kubelet 1.36.3 answers that was told nothing.
//
//go:embed testdata/configz-1.36.json
var configz []byte

func TestParseThreshold(t *testing.T) {
	for text, least := range map[string]uint64{ // of a capacity of 1000
		"10%": 100, "0.5%": 5, "0%": 0, "100%": 0, "100": 100, "1Ki": 1024, "1k": 1000, "0": 0, "1e30": math.MaxInt64, "9223372036854775807": math.MaxInt64,
	} {
		threshold, err := parseThreshold(text)
		require.NoError(t, err, text)
		require.Equal(t, least, threshold.least(1000), text)
	}
	for _, text := range []string{"", "%", "101%", "-1%", "NaN%", "-1Gi", "many", "10 %", "1e999999", "1E-9999999"} {
		_, err := parseThreshold(text)
		require.Error(t, err, text)
	}
}

func TestThreshold_ComesBackATenthHigher(t *testing.T) {
	ten := share(10)
	require.True(t, ten.isCrossed(99, 1000, false))
	require.False(t, ten.isCrossed(100, 1000, false))
	require.True(t, ten.isCrossed(109, 1000, true))
	require.False(t, ten.isCrossed(110, 1000, true))
	require.False(t, share(98).isCrossed(1000, 1000, true), "an empty disk is over any threshold")
	require.False(t, Threshold{}.isCrossed(0, 1000, true), "none is never crossed")
}

func TestLeftOver_ChangesSeldom(t *testing.T) {
	for left, text := range map[uint64]string{
		0: "nothing", 1: "less than 1%", 10: "less than 2%", 49: "less than 5%", 51: "less than 10%", 499: "less than 50%", 500: "more than half",
	} {
		require.Equal(t, text, leftOver(left, 1000))
	}
}

func TestParseConfigz_OfARealKubelet(t *testing.T) {
	thresholds, err := parseConfigz(configz)
	require.NoError(t, err)
	require.Equal(t, kubeletDefaults(), thresholds)
}

func TestParseConfigz(t *testing.T) {
	thresholds, err := parseConfigz([]byte(`{"kubeletconfig":{"evictionHard":{"memory.available":"1Gi","pid.available":"5%","nodefs.available":"0%","allocatableMemory.available":"1","future.signal":"x"}}}`))
	require.NoError(t, err)
	require.Equal(t, Thresholds{Memory: Threshold{text: "1Gi", amount: gi}, PIDs: share(5)}, thresholds, "what is not named has none")

	thresholds, err = parseConfigz([]byte(`{"kubeletconfig":{}}`))
	require.NoError(t, err)
	require.Equal(t, kubeletDefaults(), thresholds)

	for raw, wrong := range map[string]string{
		`<html>`: "reading the kubelet's configz: invalid character",
		`{}`:     "no kubeletconfig in it",
		`{"kubeletconfig":{"evictionHard":{"memory.available":"some"}}}`: "evictionHard: memory.available: ",
		`{"kubeletconfig":{"evictionHard":["memory.available"]}}`:        "cannot unmarshal",
	} {
		_, err := parseConfigz([]byte(raw))
		require.ErrorContains(t, err, wrong)
	}
}

func FuzzParseConfigz(f *testing.F) {
	f.Add(configz)
	f.Add([]byte(`{"kubeletconfig":{"evictionHard":{"memory.available":"1e999999","nodefs.available":"1e-9%","pid.available":"0.0000001m"}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		thresholds, err := parseConfigz(raw)
		if err != nil {
			return
		}
		for _, one := range []Threshold{thresholds.Memory, thresholds.Nodefs, thresholds.NodefsInodes, thresholds.Imagefs, thresholds.ImagefsInodes, thresholds.PIDs} {
			if one.percent > 0 {
				require.Less(t, one.least(gi), uint64(gi)+1)
			}
			require.LessOrEqual(t, one.least(gi), uint64(math.MaxInt64))
			require.False(t, one.isCrossed(math.MaxInt64, math.MaxInt64, true))
		}
	})
}
