package node

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/test/cluster/process"
)

// allNamespaces are those a process of a node differs in from the machine.
const allNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS |
	unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP

// Environment of every command that is run in a node.
var Environment = []string{"PATH=" + Path, "HOME=/root", "LANG=C.UTF-8"}

// Start starts cmd as a process of the node whose first process is init. The
// program is looked up in the node. Wait for cmd as for any other.
func Start(init process.Identity, cmd *exec.Cmd) error {
	started := make(chan error, 1)
	go func() {
		// Never unlocked: a thread that has been in a node is not reused.
		runtime.LockOSThread()
		started <- startInside(init, cmd)
	}()
	return <-started
}

func startInside(init process.Identity, cmd *exec.Cmd) error {
	fd, err := init.Open()
	if err != nil {
		return fmt.Errorf("entering node: %w", err)
	}
	defer unix.Close(fd)
	// A thread may change its mounts only once it shares no root and working
	// directory with the others.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("entering node: %w", err)
	}
	if err := unix.Setns(fd, allNamespaces); err != nil {
		return fmt.Errorf("entering node: %w", err)
	}
	cmd.Dir = "/"
	if cmd.Env == nil {
		cmd.Env = Environment
	}
	path, err := lookUp(cmd.Args[0])
	if err != nil {
		return err
	}
	cmd.Path, cmd.Err = path, nil
	return cmd.Start()
}

func lookUp(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for dir := range strings.SplitSeq(Path, ":") {
		if unix.Access(dir+"/"+name, unix.X_OK) == nil {
			return dir + "/" + name, nil
		}
	}
	return "", fmt.Errorf("the node has no program %s", name)
}

// Output runs a program in the node and returns what it printed.
func Output(init process.Identity, stdin io.Reader, argv ...string) (string, error) {
	var out, problem bytes.Buffer
	cmd := &exec.Cmd{Args: argv, Stdin: stdin, Stdout: &out, Stderr: &problem}
	if err := Start(init, cmd); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return "", fmt.Errorf("running %s in the node: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(problem.String()))
	}
	return out.String(), nil
}
