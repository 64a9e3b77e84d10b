package ovs

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

var (
	well     = daemon.Outcome{}
	silent   = found(v1alpha1.ReasonOVSVswitchdNotAnswering, "silent")
	dbDown   = found(v1alpha1.ReasonOVSDBNotRunning, "down")
	starting = daemon.Outcome{Findings: []check.Finding{{Reason: v1alpha1.ReasonOVSVswitchdNotRunning, Restarting: true}}}
	unclear  = daemon.Outcome{Err: errors.New("permission denied")}

	done      = &host.OVSDatabase{CurrentConfig: 7, NextConfig: 7}
	waiting   = &host.OVSDatabase{CurrentConfig: 6, NextConfig: 7}
	onKernel  = &host.OVSDatabase{KernelBridges: 2}
	forwards  = kernel{asked: true, knowsDatapaths: true, datapaths: 1}
	emptied   = kernel{asked: true, knowsDatapaths: true}
	noModule  = kernel{asked: true}
	noAnswer  = kernel{asked: true, err: errors.New("no buffer space")}
	long      = memory{behindFor: 10 * time.Second}
	notLong   = memory{behindFor: 9 * time.Second}
	hadKernel = memory{hadDatapath: true}
)

// TestJudge is the specification. Reasons are in order, the headline first.
func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		o    observation
		m    memory
		want string
	}{
		"well":                                       {observation{well, well, done, kernel{}}, memory{}, ""},
		"not on this node":                           {observation{nothing, nothing, nil, kernel{}}, memory{}, "not applicable"},
		"vswitchd silent":                            {observation{silent, well, done, kernel{}}, memory{}, "OVSVswitchdNotAnswering"},
		"both, forwarding first":                     {observation{silent, dbDown, nil, kernel{}}, memory{}, "OVSVswitchdNotAnswering OVSDBNotRunning"},
		"a fault comes before a restart":             {observation{starting, dbDown, nil, kernel{}}, memory{}, "OVSDBNotRunning OVSVswitchdNotRunning~"},
		"a restart alone is one":                     {observation{starting, well, done, kernel{}}, memory{}, "OVSVswitchdNotRunning~"},
		"one of two could not be told":               {observation{unclear, well, done, kernel{}}, memory{}, "unknown"},
		"a fault is one though another is not known": {observation{unclear, dbDown, nil, kernel{}}, memory{}, "OVSDBNotRunning"},
		"a configuration is waited for":              {observation{well, well, waiting, kernel{}}, notLong, ""},
		"a configuration is stuck":                   {observation{well, well, waiting, kernel{}}, long, "OVSConfigStuck"},
		"below its cause":                            {observation{silent, well, waiting, kernel{}}, long, "OVSVswitchdNotAnswering OVSConfigStuck"},
		"stuck is not said of an unread database":    {observation{well, dbDown, nil, kernel{}}, long, "OVSDBNotRunning"},
		"nobody to carry it out":                     {observation{nothing, well, waiting, kernel{}}, long, ""},
		"the kernel forwards":                        {observation{well, well, onKernel, forwards}, memory{}, ""},
		"the kernel was emptied":                     {observation{well, well, onKernel, emptied}, memory{}, "OVSDatapathMissing"},
		"not while vswitchd comes up":                {observation{starting, well, onKernel, emptied}, memory{}, "OVSVswitchdNotRunning~"},
		"a kernel without the module":                {observation{well, well, onKernel, noModule}, memory{}, ""},
		"a kernel that lost the module":              {observation{well, well, onKernel, noModule}, hadKernel, "OVSDatapathMissing"},
		"a kernel that cannot be asked":              {observation{well, well, onKernel, noAnswer}, memory{}, "unknown"},
		"bridges in user space want nothing":         {observation{well, well, done, kernel{}}, hadKernel, ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, told(judge(c.o, c.m, 10*time.Second))) })
	}
}

// told is the result of a look in a line; restarting ones end with ~.
func told(findings []check.Finding, err error) string {
	switch {
	case errors.Is(err, check.ErrNotApplicable):
		return "not applicable"
	case err != nil:
		return "unknown"
	}
	line := ""
	for _, f := range findings {
		if line += " " + string(f.Reason); f.Restarting {
			line += "~"
		}
	}
	if line != "" {
		line = line[1:]
	}
	return line
}

func TestMemory_MeasuresHowLongNothingIsCarriedOut(t *testing.T) {
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var m memory
	for i, step := range []struct {
		current, next int64 // negative: the database could not be read
		behind        int   // seconds
	}{
		{5, 5, 0}, {5, 6, 0}, {5, 6, 1}, {5, 7, 2}, // more is asked for, and still nothing done
		{6, 7, 0}, {6, 7, 1}, // it moves
		{-1, 0, 1}, {6, 7, 3}, // what was not read proves nothing, and the clock runs on
		{7, 7, 0}, {7, 8, 0}, {7, 8, 1},
		{0, 0, 0}, // a new database
	} {
		o := observation{}
		if step.current >= 0 {
			o.database = &host.OVSDatabase{CurrentConfig: step.current, NextConfig: step.next}
		}
		m = m.after(o, t0.Add(time.Duration(i)*time.Second))
		require.Equal(t, time.Duration(step.behind)*time.Second, m.behindFor, "look %d", i)
	}
}
