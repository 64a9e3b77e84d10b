package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing that is wrong with a configuration.
type Problem struct {
	File    string // empty when the value did not come from a file
	Path    string // dotted, for example checks.settings.kubelet.failAfter; empty for the whole file
	Message string // what is wrong, and what to write instead
}

func (p Problem) String() string {
	parts := []string{p.File, p.Path, p.Message}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ": ")
}

// Problems is everything that is wrong, one line each. It is an error; an empty one must be returned as nil: see Err.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Err is p as an error, nil when there is nothing wrong.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// Add notes a problem. The message says what is wrong and what to write instead.
func (p *Problems) Add(path, format string, args ...any) {
	*p = append(*p, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// Require notes a problem unless ok.
func (p *Problems) Require(ok bool, path, format string, args ...any) {
	if !ok {
		p.Add(path, format, args...)
	}
}

func inFile(path string, err error) error {
	var problems Problems
	if !errors.As(err, &problems) {
		return err
	}
	named := slices.Clone(problems)
	for i := range named {
		named[i].File = path
	}
	return named
}
