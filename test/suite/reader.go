package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// reader takes what a command prints, counts what `go test -json` says in it, and shows what people want to see: the
// output of failed tests, one line per package, and everything that is no JSON.
type reader struct {
	out     io.Writer
	verbose bool // show what passing tests print too
	result  *Result

	partial []byte
	said    map[string][]string // output by package and test
	last    string              // the last line that was no event, for a reason
}

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

func (r *reader) Write(p []byte) (int, error) {
	r.partial = append(r.partial, p...)
	for {
		line, rest, found := bytes.Cut(r.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		r.partial = rest
		r.line(string(line))
	}
}

func (r *reader) line(line string) {
	var e event
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
		fmt.Fprintln(r.out, line)
		if strings.TrimSpace(line) != "" {
			r.last = line
		}
		return
	}
	if r.said == nil {
		r.said = map[string][]string{}
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		r.output(key, e)
	case "pass", "fail", "skip":
		r.ended(key, e)
		delete(r.said, key)
	}
}

func (r *reader) output(key string, e event) {
	if isNoise(e.Output) {
		return
	}
	if e.Test == "" || r.verbose {
		if isVerdict(e.Output) || r.verbose || e.Action == "build-output" {
			fmt.Fprint(r.out, e.Output)
		}
		return
	}
	r.said[key] = append(r.said[key], e.Output)
}

func (r *reader) ended(key string, e event) {
	if e.Test == "" { // a package: its tests were counted, unless it did not come to them
		if e.Action == "fail" && !r.hasFailed(e.Package) {
			r.result.Failed = append(r.result.Failed, e.Package+": did not build, or ended in the middle of a test")
		}
		return
	}
	switch e.Action {
	case "pass":
		r.result.Passed++
	case "fail":
		r.result.Failed = append(r.result.Failed, e.Package+" "+e.Test)
		if !r.verbose {
			fmt.Fprint(r.out, strings.Join(r.said[key], ""))
		}
	case "skip":
		r.result.Skipped = append(r.result.Skipped, fmt.Sprintf("%s %s: %s", e.Package, e.Test, reasonOf(r.said[key])))
	}
}

func (r *reader) hasFailed(pkg string) bool {
	return slices.ContainsFunc(r.result.Failed, func(failed string) bool { return strings.HasPrefix(failed, pkg+" ") })
}

// reasonOf is what a test said when it was skipped.
func reasonOf(said []string) string {
	for _, line := range said {
		if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "---") {
			return text
		}
	}
	return "it does not say why"
}

func isNoise(line string) bool {
	for _, prefix := range []string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME", "-test.shuffle"} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return strings.Contains(line, "[no test files]")
}

// isVerdict says that the line is the one `go test` prints for a package.
func isVerdict(line string) bool {
	return strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "panic:")
}
