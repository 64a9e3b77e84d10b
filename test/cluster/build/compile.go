package build

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// reportEvery is how often a running build says that it is alive.
const reportEvery = 10 * time.Second

// compile runs one `go build`. The compiler names each package it compiles, and
// those are counted for the progress lines.
func (b Builder) compile(ctx context.Context, c Component, step Step, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", step.arguments(out)...)
	cmd.Dir = filepath.Join(b.Source, c.Source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off")
	if step.CGO {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1")
	}
	reader, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	var packages atomic.Int64
	stop := b.report(c.Name, start, &packages)
	var said []string
	for lines := bufio.NewScanner(reader); lines.Scan(); {
		packages.Add(1)
		if line := lines.Text(); strings.ContainsAny(line, " :") {
			said = append(said, line)
		}
	}
	err = cmd.Wait()
	stop()
	if err != nil {
		return fmt.Errorf("go build %s: %w\n%s", strings.Join(step.Packages, " "), err, strings.Join(said[max(0, len(said)-20):], "\n"))
	}
	fmt.Fprintf(b.Out, "%-10s built in %.0f s (%s)\n", c.Name, time.Since(start).Seconds(), step.title())
	return nil
}

// arguments are the same for everyone who builds the component, so that Go's own
// cache is shared as well.
func (s Step) arguments(out string) []string {
	args := []string{"build", "-v", "-trimpath", "-ldflags", s.LDFlags}
	if s.Tags != "" {
		args = append(args, "-tags", s.Tags)
	}
	return append(append(args, "-o", out+"/"), s.Packages...)
}

func (s Step) title() string {
	var names []string
	for _, name := range s.Packages {
		if name != "." {
			names = append(names, filepath.Base(name))
		}
	}
	if names == nil {
		return "one program"
	}
	return strings.Join(names, ", ")
}

// report prints a line now and then until stop is called.
func (b Builder) report(name string, start time.Time, packages *atomic.Int64) (stop func()) {
	done := make(chan struct{})
	ticker := time.NewTicker(reportEvery)
	go func() {
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				fmt.Fprintf(b.Out, "%-10s building, %.0f s so far, %d packages or downloads\n", name, time.Since(start).Seconds(), packages.Load())
			}
		}
	}()
	return func() { close(done) }
}
