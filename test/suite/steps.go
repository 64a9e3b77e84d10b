package main

import (
	"context"
	"io"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/bed"
)

// Lane says what a step runs beside.
type Lane string

// Lanes. There is one test cluster per machine, and what runs on it mostly waits, for real daemons and by real clocks. So
// what only compiles and computes, and asks no clock, runs beside it on the processors' idle time.
const (
	First     Lane = "" // before everything else
	OnCode    Lane = "code"
	OnCluster Lane = "cluster"
)

// A Step is one kind of test, or what others need before they can run.
type Step struct {
	Name  string
	About string
	Lane  Lane
	Needs []string // steps that must have succeeded, of the first lane or its own
	// Bound ends the step. On two cores the whole suite stays below 45 minutes cold.
	Bound    time.Duration
	Commands [][]string
	// Optional: where it fails this machine cannot do it, and what needs it is skipped, not failed.
	Optional bool
	// Verbose shows what passing tests print: measured times.
	Verbose bool
}

var steps = []Step{
	{
		Name: "programs", About: "agent, controller and the test cluster's command", Bound: 10 * time.Minute,
		Commands: [][]string{{"make", "build", "cluster-program"}},
	},
	{
		Name: "machine", About: "what the test cluster runs, and whether it comes up here", Needs: []string{"programs"},
		Bound: 30 * time.Minute, Optional: true,
		Commands: [][]string{{"bin/cluster", "build"}, {"make", "images"}, {"flock", bed.LockFile, "sh", "-c", upAndDown}},
	},
	{
		// Cold, most of it is the compiler's, for the race detector.
		Name: "unit", About: "tables, properties, scenarios, loops and fixtures", Bound: 20 * time.Minute,
		Commands: [][]string{goTest("-race", "-shuffle=on", "./...")},
	},
	{
		Name: "cluster", About: "the test cluster's own tests", Needs: []string{"programs"}, Bound: 10 * time.Minute,
		Commands: [][]string{inDir("test/cluster", goTest("./..."))},
	},
	{
		Name: "mutants", Lane: OnCode, About: "each guard removed must be noticed", Bound: 30 * time.Minute,
		Commands: [][]string{{"go", "run", "./test/mutants"}},
	},
	{
		// First in its lane: it bears the company of the other one best.
		Name: "matrix", Lane: OnCluster, About: "everything an agent looks at, broken and busy", Needs: []string{"machine"}, Bound: 30 * time.Minute, Verbose: true,
		Commands: [][]string{goTest("-tags=matrix", "-count=1", "-parallel=4", "-timeout=29m", "./test/matrix/...")},
	},
	{
		Name: "daemons", Lane: OnCluster, About: "the checks against real daemons, in namespaces of their own", Needs: []string{"machine"}, Bound: 15 * time.Minute,
		Commands: [][]string{goTest("-tags=daemons", "-count=1", "-timeout=14m", "./agent/check/...")},
	},
	{
		Name: "integration", Lane: OnCluster, About: "against a real etcd and kube-apiserver", Needs: []string{"machine"}, Bound: 15 * time.Minute,
		Commands: [][]string{goTest("-tags=integration", "-count=1", "-timeout=14m", "./test/integration/...")},
	},
	{
		Name: "e2e", Lane: OnCluster, About: "real nodes, installed by the chart", Needs: []string{"machine"}, Bound: 30 * time.Minute, Verbose: true,
		Commands: [][]string{goTest("-tags=e2e", "-count=1", "-timeout=29m", "./test/e2e/...")},
	},
}

// upAndDown is the one honest answer to whether a cluster can run here.
const upAndDown = "bin/cluster down && bin/cluster up && bin/cluster down"

func goTest(args ...string) []string { return append([]string{"go", "test", "-json"}, args...) }

// inDir runs a command in a folder.
func inDir(dir string, command []string) []string {
	return append([]string{"env", "-C", dir}, command...)
}

// run runs all commands of a step; the first that fails ends it.
func (s Step) run(ctx context.Context, out io.Writer) Result {
	ctx, cancel := context.WithTimeout(ctx, s.Bound)
	defer cancel()
	began := time.Now()
	result := Result{Step: s.Name, Optional: s.Optional}
	for _, command := range s.Commands {
		command = withoutRace(command, &result)
		if s.Lane == OnCode {
			command = whenIdle(command)
		}
		reader := &reader{out: out, verbose: s.Verbose, result: &result}
		if err := runCommand(ctx, command, reader); err != nil {
			result.Err = err
			if ctx.Err() != nil {
				result.Err = context.Cause(ctx)
			}
			result.Last = reader.last
			break
		}
	}
	result.Took = time.Since(began)
	return result
}

// whenIdle runs a command only when nothing else wants the processor. Where the kernel shares it out by session
// (autogroup), the session has to step back too; that it cannot elsewhere does not matter.
func whenIdle(command []string) []string {
	return append([]string{"sh", "-c", `echo 19 2>/dev/null >/proc/self/autogroup; exec chrt --idle 0 "$@"`, "sh"}, command...)
}

func runCommand(ctx context.Context, argv []string, reader *reader) error {
	command := exec.CommandContext(ctx, argv[0], argv[1:]...)
	// Its own session, and so its own group: what it started ends with it. It is asked before it is told: `cluster` cleans up.
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
	command.WaitDelay = time.Minute // to take a cluster down
	command.Stdout, command.Stderr = reader, reader
	err := command.Run()
	if command.Process != nil {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // whoever did not hear
	}
	return err
}

// withoutRace drops the race detector where there is no C compiler, and says so as something skipped.
func withoutRace(command []string, result *Result) []string {
	if _, err := exec.LookPath("gcc"); err == nil || !slices.Contains(command, "-race") {
		return command
	}
	result.Skipped = append(result.Skipped, "the race detector: there is no C compiler (gcc)")
	return slices.DeleteFunc(slices.Clone(command), func(arg string) bool { return arg == "-race" })
}
