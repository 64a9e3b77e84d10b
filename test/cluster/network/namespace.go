package network

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const namespaces = "/run/netns"

// File is what stands for a namespace on disk.
func File(namespace string) string { return filepath.Join(namespaces, namespace) }

// Ours lists the namespaces of the test cluster that exist now, finished or not.
func Ours() ([]string, error) {
	entries, err := os.ReadDir(namespaces)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing network namespaces: %w", err)
	}
	var found []string
	for _, entry := range entries {
		if ours.MatchString(entry.Name()) {
			found = append(found, entry.Name())
		}
	}
	slices.Sort(found)
	return found, nil
}

// Enter moves the calling thread into a namespace. The caller has locked the
// thread, and lets it end or becomes another program.
func Enter(namespace string) error {
	file, err := os.Open(File(namespace))
	if err != nil {
		return fmt.Errorf("entering network namespace %s: %w", namespace, err)
	}
	defer file.Close()
	if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering network namespace %s: %w", namespace, err)
	}
	return nil
}

// In runs do inside a namespace, on a thread that ends with it. Processes that
// do starts and sockets that it opens belong to the namespace.
func In(namespace string, do func() error) error {
	done := make(chan error, 1)
	go func() {
		// Never unlocked, so the runtime ends the thread instead of reusing it.
		runtime.LockOSThread()
		if err := Enter(namespace); err != nil {
			done <- err
			return
		}
		done <- do()
	}()
	return <-done
}

// Dialer returns a dial function whose connections start in a namespace. It
// takes addresses with a literal IP only: looking up names would leave the thread.
func Dialer(namespace string) func(ctx context.Context, kind, address string) (net.Conn, error) {
	return func(ctx context.Context, kind, address string) (conn net.Conn, err error) {
		inside := In(namespace, func() error {
			conn, err = (&net.Dialer{}).DialContext(ctx, kind, address)
			return err
		})
		return conn, inside
	}
}

// run executes one of the machine's network tools and puts what it printed into
// the error.
func run(stdin, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("running %s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// batch hands lines to `ip -batch` inside a namespace.
func batch(namespace string, lines ...string) error {
	return run(strings.Join(lines, "\n")+"\n", "ip", "-n", namespace, "-batch", "-")
}
