package preflight

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

//go:embed files/probe.nft
var probeRules string

// networking tries what the fabric is made of, in a nameless network namespace.
func networking(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the namespace ends with the thread.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("making a network namespace: %w: the kernel needs CONFIG_NET_NS", err)
			return
		}
		done <- errors.Join(
			try(ctx, "CONFIG_BRIDGE", "", "ip", "link", "add", "probe-bridge", "type", "bridge"),
			try(ctx, "CONFIG_VETH", "", "ip", "link", "add", "probe-0", "type", "veth", "peer", "name", "probe-1"),
			try(ctx, "CONFIG_NF_TABLES with NAT and the bridge family", probeRules, "nft", "-f", "-"),
		)
	}()
	return <-done
}

func try(ctx context.Context, option, stdin, name string, args ...string) error {
	if _, err := exec.LookPath(name); err != nil {
		return nil //nolint:nilerr // named among the missing programs
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("the kernel needs %s: trying `%s %s`: %w: %s", option, name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
