package bed

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// A Process is one of our programs that runs beside the cluster.
type Process struct {
	Name string
	cmd  *exec.Cmd
	done chan struct{}

	mu  sync.Mutex // guards everything below
	log bytes.Buffer
}

// Controller says how a controller outside of the cluster runs.
type Controller struct {
	Identity string
	Metrics  string // address
	Config   string // further lines of its configuration file
}

// StartController runs a controller as a process of this machine, with the chart's service account. The caller is in the
// control plane's namespace: see Main.
func (b *Bed) StartController(ctx context.Context, c Controller) (*Process, error) {
	dir, err := os.MkdirTemp("", "bulkhead-"+c.Identity)
	if err != nil {
		return nil, err
	}
	kubeconfig, file := filepath.Join(dir, "kubeconfig"), filepath.Join(dir, "controller.yaml")
	if err := b.AccountKubeconfig(ctx, "bulkhead-system", "bulkhead-controller", kubeconfig); err != nil {
		return nil, err
	}
	config := fmt.Sprintf("kubeconfig: %s\nidentity: %s\nmetricsAddress: %s\n%s", kubeconfig, c.Identity, c.Metrics, c.Config)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	return Start(c.Identity, b.Bin(ControllerProgram), "--config="+file)
}

// Start starts a program. It ends with Stop or Kill, or with this process.
func Start(name, program string, argv ...string) (*Process, error) {
	p := &Process{Name: name, cmd: exec.CommandContext(context.Background(), program, argv...), done: make(chan struct{})} // ends by Stop
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // how it ended is in ExitCode
	}()
	return p, nil
}

// Write takes what the process prints.
func (p *Process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

// Log is what the process has printed so far.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// Signal sends a signal; to a process that has ended it does nothing.
func (p *Process) Signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// Kill ends the process without a chance to say goodbye, and waits.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// Stop asks the process to end, and waits.
func (p *Process) Stop() {
	p.Signal(syscall.SIGTERM)
	p.Signal(syscall.SIGCONT)
	<-p.done
}

// PID is the process's number on this machine.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended; ExitCode says how, then.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode of a process that has ended.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }
