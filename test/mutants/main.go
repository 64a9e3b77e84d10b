// Command mutants shows that the guards are tested: it removes one guard at a time and expects the test named for it to
// fail. A mutant that survives is a guard nobody would miss.
//
//	go run ./test/mutants            all mutants
//	go run ./test/mutants blind ...  those whose name contains a word
//
// A mutant is a file mutants/NAME.yaml: the guard, the file, the text to replace, and the test that must notice. The
// working tree is never touched; the compiler is shown the changed file through an overlay.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// patience bounds the test of one mutant, without its building: one that makes a test hang counts as noticed.
const patience = 3 * time.Minute

// Tests whose name begins with property draw their cases by chance. draws is how many: with rapid's own 100 a mutant
// slipped through now and then.
const (
	property = "TestProperty_"
	draws    = "5000"
)

// Mutant is one guard removed.
type Mutant struct {
	// Guard says in a sentence what the mutant takes away.
	Guard string `json:"guard"`
	// File is the source file, from the top of the repository.
	File string `json:"file"`
	// Old is the text to replace; it must occur exactly once. New is what stands there instead.
	Old string `json:"old"`
	New string `json:"new"`
	// Package and Test name the test that must fail.
	Package string `json:"package"`
	Test    string `json:"test"`
}

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, words []string, out io.Writer) error {
	files, err := filepath.Glob("test/mutants/mutants/*.yaml")
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no mutants found: run from the top of the repository (%w)", err)
	}
	killed, survived := 0, 0
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".yaml")
		if len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(name, w) }) {
			continue
		}
		noticed, err := try(ctx, f)
		if err != nil {
			return fmt.Errorf("mutant %s: %w", name, err)
		}
		if noticed {
			killed++
			fmt.Fprintf(out, "killed    %s\n", name)
		} else {
			survived++
			fmt.Fprintf(out, "SURVIVED  %s\n", name)
		}
	}
	fmt.Fprintf(out, "mutants: %d passed, %d failed\n", killed, survived)
	if survived > 0 {
		return fmt.Errorf("%d mutants survived: no test misses these guards", survived)
	}
	return nil
}

// try builds the mutant and runs its test; it says whether the test failed as it should.
func try(ctx context.Context, file string) (noticed bool, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	var m Mutant
	if err := yaml.UnmarshalStrict(raw, &m); err != nil {
		return false, fmt.Errorf("reading %s: %w", file, err)
	}
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	overlay, err := m.overlay(dir)
	if err != nil {
		return false, err
	}
	if out, err := exec.CommandContext(ctx, "go", "vet", "-overlay", overlay, m.Package).CombinedOutput(); err != nil {
		return false, fmt.Errorf("the mutant does not compile:\n%s", out)
	}
	argv := []string{"test", "-count=1", "-timeout=" + patience.String(), "-overlay", overlay, "-run", "^" + m.Test + "$", m.Package}
	if strings.HasPrefix(m.Test, property) {
		argv = append(argv, "-rapid.checks="+draws, "-rapid.nofailfile")
	}
	test := exec.CommandContext(ctx, "go", argv...)
	out, err := test.CombinedOutput()
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err == nil && strings.Contains(string(out), "no tests to run") {
		return false, fmt.Errorf("package %s has no test %s", m.Package, m.Test)
	}
	return err != nil, nil
}

// overlay writes the changed file and the overlay that shows it to the compiler.
func (m Mutant) overlay(dir string) (string, error) {
	source, err := filepath.Abs(m.File)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.Old); n != 1 {
		return "", fmt.Errorf("its old text occurs %d times in %s; it must occur once", n, m.File)
	}
	changed := filepath.Join(dir, "mutant.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), m.Old, m.New, 1)), 0o600); err != nil {
		return "", err
	}
	raw, err := json.Marshal(map[string]map[string]string{"Replace": {source: changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, raw, 0o600)
}
