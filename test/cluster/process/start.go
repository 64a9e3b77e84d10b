package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

// Daemon is a program that keeps running when the command ends.
type Daemon struct {
	Name      string   // what it is remembered as
	Argv      []string // the first is the path of the program
	Namespace string   // network namespace it runs in
	Log       string   // file its output is added to
	// Cloneflags are the further namespaces to make for it.
	Cloneflags uintptr
}

// Start starts a daemon and remembers it. It gets a session of its own, so that
// Ctrl-C in the caller's terminal does not reach it.
func Start(d state.Dir, daemon Daemon) (Identity, error) {
	var id Identity
	if err := os.MkdirAll(filepath.Dir(daemon.Log), 0o755); err != nil {
		return id, fmt.Errorf("starting %s: %w", daemon.Name, err)
	}
	log, err := os.OpenFile(daemon.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return id, fmt.Errorf("starting %s: %w", daemon.Name, err)
	}
	defer log.Close()

	cmd := exec.Command(daemon.Argv[0], daemon.Argv[1:]...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: daemon.Cloneflags}
	if err := network.In(daemon.Namespace, cmd.Start); err != nil {
		return id, fmt.Errorf("starting %s: %w", daemon.Name, err)
	}
	id, err = Identify(cmd.Process.Pid)
	if err != nil {
		return id, fmt.Errorf("starting %s, see %s: %w", daemon.Name, daemon.Log, err)
	}
	// Reaps it if it ends while we are there; afterwards somebody else does.
	go cmd.Wait()
	return id, Remember(d, daemon.Name, id)
}
