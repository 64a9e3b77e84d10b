package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func read(t *testing.T, lines string) (Result, string) {
	t.Helper()
	var result Result
	var out bytes.Buffer
	r := &reader{out: &out, result: &result}
	for _, half := range []string{lines[:len(lines)/2], lines[len(lines)/2:]} { // a pipe cuts where it likes
		_, err := r.Write([]byte(half))
		require.NoError(t, err)
	}
	result.Last = r.last
	return result, out.String()
}

const events = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"quiet\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:3: it broke\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:3: no helm: run make\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"--- SKIP: TestC (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
make: *** [test] Error 1
`

func TestReader_CountsTestsAndShowsWhatFailed(t *testing.T) {
	result, out := read(t, events)
	require.Equal(t, 1, result.Passed)
	require.Equal(t, []string{"p TestB"}, result.Failed)
	require.Equal(t, []string{"p TestC: c_test.go:3: no helm: run make"}, result.Skipped)
	require.Contains(t, out, "it broke")
	require.NotContains(t, out, "quiet")
	require.NotContains(t, out, "=== RUN")
	require.Equal(t, "make: *** [test] Error 1", result.Last)
}

func TestReader_CountsAPackageThatDidNotBuildAsFailed(t *testing.T) {
	result, out := read(t, `{"Action":"build-output","ImportPath":"p","Output":"p.go:3: syntax error\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p"}
`)
	require.Equal(t, []string{"p: did not build, or ended in the middle of a test"}, result.Failed)
	require.Contains(t, out, "syntax error")
}

func TestConclude(t *testing.T) {
	good := Result{Step: "unit", Passed: 3}
	bad := Result{Step: "unit", Passed: 2, Failed: []string{"p TestB"}, Err: errors.New("exit status 1")}
	dead := Result{Step: "unit", Err: errors.New("exit status 2"), Last: "it does not compile"}
	partly := Result{Step: "unit", Passed: 2, Skipped: []string{"p TestC: no helm"}}
	unable := Result{Step: "machine", Optional: true, Err: errors.New("exit status 1"), Last: "needs root"}
	notRun := Result{Step: "e2e", NotRun: missing(Step{Needs: []string{"machine"}}, []Result{unable})}
	for name, c := range map[string]struct {
		results []Result
		ok      bool
		says    string
	}{
		"all passed":                  {[]Result{good}, true, "3 passed, 0 failed, 0 skipped in 1m0s"},
		"a test failed":               {[]Result{good, bad}, false, "failed p TestB"},
		"a step died before a test":   {[]Result{dead}, false, "failed unit: it does not compile"},
		"a test was skipped":          {[]Result{partly}, true, "skipped p TestC: no helm"},
		"a machine without a cluster": {[]Result{good, unable, notRun}, true, "skipped e2e: it needs machine, which failed: needs root"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			require.Equal(t, c.ok, conclude(&out, c.results, false, time.Minute))
			require.Contains(t, out.String(), c.says)
			clean := c.ok && name == "all passed"
			require.Equal(t, clean, conclude(&out, c.results, true, time.Minute), "with --no-skip a skip is a failure")
		})
	}
}

func TestChoose_AddsWhatAStepNeedsAndKeepsTheOrder(t *testing.T) {
	chosen, err := choose([]string{"e2e", "unit"})
	require.NoError(t, err)
	var names []string
	for _, s := range chosen {
		names = append(names, s.Name)
	}
	require.Equal(t, []string{"programs", "machine", "unit", "e2e"}, names)
	_, err = choose([]string{"units"})
	require.ErrorContains(t, err, "there are programs, machine, unit")
}

func TestSteps_FitIntoTheirBound(t *testing.T) {
	for at, s := range steps {
		require.NotZero(t, s.Bound, s.Name)
		for _, needed := range s.Needs {
			before := slices.Index(stepNames()[:at], needed)
			require.GreaterOrEqual(t, before, 0, "%s needs what comes before it", s.Name)
			require.Contains(t, []Lane{First, s.Lane}, steps[before].Lane, "%s cannot see what becomes of %s", s.Name, needed)
		}
	}
}

func TestRunAll_KeepsTheLanesApartAndTheirLinesWhole(t *testing.T) {
	say := func(word string) [][]string {
		return [][]string{{"sh", "-c", "for i in $(seq 300); do printf " + word + "; printf '" + word + "\\n'; done"}}
	}
	all := []Step{
		{Name: "a", Bound: time.Minute, Commands: say("a")},
		{Name: "b", Lane: OnCode, Bound: time.Minute, Needs: []string{"a"}, Commands: say("b")},
		{Name: "c", Lane: OnCode, Bound: time.Minute, Needs: []string{"b"}, Commands: [][]string{{"false"}}},
		{Name: "d", Lane: OnCluster, Bound: time.Minute, Needs: []string{"a"}, Commands: say("d")},
		{Name: "e", Lane: OnCluster, Bound: time.Minute, Needs: []string{"c"}, Commands: say("e")},
	}
	var out bytes.Buffer
	results := runAll(t.Context(), all, &out)
	var verdicts []string
	for _, r := range results {
		verdicts = append(verdicts, r.Step+" "+r.verdict())
	}
	require.Equal(t, []string{"a ok", "b ok", "c FAILED", "d ok", "e ok"}, verdicts, "what another lane does is not waited for")
	for line := range strings.Lines(out.String()) {
		if word := strings.TrimSpace(line); word != "" && !strings.HasPrefix(word, "===") {
			require.Contains(t, []string{"aa", "bb", "dd", "ee"}, word)
		}
	}
}
