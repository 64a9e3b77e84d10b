//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/node"
)

func kubectlCommand() *cobra.Command { return toolCommand("kubectl", "get nodes") }
func helmCommand() *cobra.Command    { return toolCommand("helm", "list") }

// toolCommand runs one of the built programs as cluster administrator.
func toolCommand(name, example string) *cobra.Command {
	return &cobra.Command{
		Use:     name + " -- ARGS...",
		Short:   "Run " + name + " as cluster administrator",
		Example: "  cluster " + name + " -- " + example,
		RunE: func(_ *cobra.Command, args []string) error {
			dir, cluster, err := running()
			if err != nil {
				return err
			}
			environment := append(os.Environ(), "KUBECONFIG="+dir.AdminKubeconfig())
			return become(filepath.Join(cluster.Binaries.Kube, name), append([]string{name}, args...), environment)
		},
	}
}

func inCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "in control-plane -- COMMAND...",
		Short: "Run a program of this machine in the control plane's network namespace",
		Long: `Becomes the program, in the control plane's network namespace: signals and exit
code are its own. KUBECONFIG names the administrator's kubeconfig unless it is set
already. This is how a controller is run outside of the cluster. ` + "`cluster down`" + ` ends it.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if args[0] != "control-plane" {
				return fmt.Errorf("%q: only control-plane is possible, see `cluster exec` for nodes", args[0])
			}
			dir, _, err := running()
			if err != nil {
				return err
			}
			program, err := exec.LookPath(args[1])
			if err != nil {
				return err
			}
			environment := os.Environ()
			if os.Getenv("KUBECONFIG") == "" {
				environment = append(environment, "KUBECONFIG="+dir.AdminKubeconfig())
			}
			return become(program, args[1:], environment)
		},
	}
}

// become replaces this process by another program in the control plane's network
// namespace. It is called on the main thread, which is the one that stays.
func become(program string, argv, environment []string) error {
	if err := network.Enter(network.ControlPlaneNamespace); err != nil {
		return err
	}
	// Signals go to the program from here on.
	signal.Reset()
	return fmt.Errorf("executing %s: %w", program, unix.Exec(program, argv, environment))
}

func execCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "exec NODE -- COMMAND...",
		Short:   "Run a program inside a node",
		Example: "  cluster exec n1 -- systemctl status kubelet\n  cluster exec n1 -- journalctl -u containerd",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			dir, cluster, err := running()
			if err != nil {
				return err
			}
			if _, err := cluster.Find(args[0]); err != nil {
				return err
			}
			init, err := node.Init(dir, args[0])
			if err != nil {
				return err
			}
			cmd := &exec.Cmd{Args: args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
			if terminal, ok := os.LookupEnv("TERM"); ok {
				cmd.Env = append(node.Environment, "TERM="+terminal)
			}
			return runForwarding(func() error { return node.Start(init, cmd) }, cmd)
		},
	}
}

// runForwarding starts cmd and passes signals on to it until it ends.
func runForwarding(start func() error, cmd *exec.Cmd) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	defer signal.Stop(signals)
	if err := start(); err != nil {
		return err
	}
	go func() {
		for received := range signals {
			// An error means that it has ended, which Wait reports.
			if err := cmd.Process.Signal(received); errors.Is(err, os.ErrProcessDone) {
				return
			}
		}
	}()
	return cmd.Wait()
}
