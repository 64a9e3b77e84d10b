package bed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A Bed is this machine's test cluster. The zero Bed is not usable; see Find.
type Bed struct {
	// Root is the repository's folder.
	Root string
	// Program is the cluster's command.
	Program string
	// Log gets what long commands print. Default: nothing is shown.
	Log io.Writer
}

// Find looks for the repository from the working directory upwards and for its bin/cluster, which `make cluster-program`
// makes. It brings nothing up.
func Find() (*Bed, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "test", "cluster", "go.mod")); err == nil {
			break
		}
		if dir == "/" {
			return nil, errors.New("finding the repository: no test/cluster from here upwards; run this inside of the repository")
		}
	}
	b := &Bed{Root: dir, Program: filepath.Join(dir, "bin", "cluster"), Log: io.Discard}
	if _, err := os.Stat(b.Program); err != nil {
		return nil, fmt.Errorf("finding the cluster's command: %w; `make cluster-program` makes it", err)
	}
	return b, nil
}

// Bin is a program or image of `make build` and `make images`.
func (b *Bed) Bin(name string) string { return filepath.Join(b.Root, "bin", name) }

// Options say what cluster to bring up.
type Options struct {
	Nodes, Zones int      // default 3 and 3
	Flags        []string // further flags of `cluster up`, such as --kcm-flag=--v=2
}

// Up takes down whatever there is and brings a fresh cluster up.
func (b *Bed) Up(ctx context.Context, o Options) error {
	if err := b.Down(ctx); err != nil {
		return err
	}
	argv := []string{"up"}
	if o.Nodes != 0 {
		argv = append(argv, fmt.Sprintf("--nodes=%d", o.Nodes))
	}
	if o.Zones != 0 {
		argv = append(argv, fmt.Sprintf("--zones=%d", o.Zones))
	}
	return b.show(ctx, append(argv, o.Flags...)...)
}

// Down takes down whatever there is of a cluster; it may be repeated.
func (b *Bed) Down(ctx context.Context) error { return b.show(ctx, "down") }

// Kubectl runs kubectl as administrator and returns what it printed.
func (b *Bed) Kubectl(ctx context.Context, argv ...string) (string, error) {
	return b.output(ctx, nil, append([]string{"kubectl", "--"}, argv...)...)
}

// Apply applies a manifest as administrator.
func (b *Bed) Apply(ctx context.Context, manifest string) error {
	_, err := b.output(ctx, strings.NewReader(manifest), "kubectl", "--", "apply", "-f", "-")
	return err
}

// Helm runs helm as administrator and returns what it printed.
func (b *Bed) Helm(ctx context.Context, argv ...string) (string, error) {
	return b.output(ctx, nil, append([]string{"helm", "--"}, argv...)...)
}

// Kubeconfig is the path of the administrator's kubeconfig. Its server can be reached from the cluster's network
// namespaces only.
func (b *Bed) Kubeconfig(ctx context.Context) (string, error) {
	path, err := b.output(ctx, nil, "kubeconfig")
	return strings.TrimSpace(path), err
}

// AccountKubeconfig writes a kubeconfig of a service account on this machine.
func (b *Bed) AccountKubeconfig(ctx context.Context, namespace, account, out string) error {
	_, err := b.output(ctx, nil, "service-account-kubeconfig", namespace, account, out)
	return err
}

// Exec runs a program inside a node and returns what it printed.
func (b *Bed) Exec(ctx context.Context, node string, argv ...string) (string, error) {
	return b.output(ctx, nil, append([]string{"exec", node, "--"}, argv...)...)
}

// Push copies a file of this machine to a path inside a node, with its mode. It is gone after a power-off.
func (b *Bed) Push(ctx context.Context, node, source, destination string) error {
	_, err := b.output(ctx, nil, "push", node, source, destination)
	return err
}

// LoadImages imports images into every node's containerd.
func (b *Bed) LoadImages(ctx context.Context, tars ...string) error {
	return b.show(ctx, append([]string{"image", "load"}, tars...)...)
}

// Fault does harm to a node, or undoes it, and returns when: just before it was done.
func (b *Bed) Fault(ctx context.Context, verb, node string, args ...string) (time.Time, error) {
	out, err := b.output(ctx, nil, append([]string{"fault", verb, node}, args...)...)
	if err != nil {
		return time.Time{}, err
	}
	var event struct {
		Injected time.Time `json:"injected"`
	}
	if err := json.Unmarshal([]byte(out), &event); err != nil {
		return time.Time{}, fmt.Errorf("reading what `cluster fault %s` printed: %w", verb, err)
	}
	return event.Injected, nil
}

// InControlPlane is a command that runs a program of this machine in the control plane's network namespace.
func (b *Bed) InControlPlane(ctx context.Context, argv ...string) *exec.Cmd {
	return exec.CommandContext(ctx, b.Program, append([]string{"in", "control-plane", "--"}, argv...)...)
}

func (b *Bed) output(ctx context.Context, stdin io.Reader, argv ...string) (string, error) {
	var out, problem bytes.Buffer
	cmd := exec.CommandContext(ctx, b.Program, argv...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = b.Root, stdin, &out, &problem
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("running `cluster %s`: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(problem.String()))
	}
	return out.String(), nil
}

// show runs a long command and passes on what it prints.
func (b *Bed) show(ctx context.Context, argv ...string) error {
	var problem bytes.Buffer
	cmd := exec.CommandContext(ctx, b.Program, argv...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.Root, b.Log, io.MultiWriter(b.Log, &problem)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running `cluster %s`: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(problem.String()))
	}
	return nil
}
