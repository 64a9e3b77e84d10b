package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Packages of Debian that nodes and the build need. docker.io is there for tests
// that run a dockerd inside of a node.
var Packages = []string{
	"bird2", "conntrack", "dbus", "docker.io", "ethtool", "gcc", "ipset", "iproute2", "iptables",
	"libc6-dev", "libseccomp-dev", "nftables", "openvswitch-switch", "pkg-config", "procps", "strace", "systemd",
}

// InstallPackages installs what is missing of Packages, and starts none of it.
func InstallPackages(ctx context.Context, out io.Writer) error {
	missing := missingPackages(ctx)
	if len(missing) == 0 {
		fmt.Fprintln(out, "packages   installed already")
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("installing packages needs root; or have somebody run: apt-get install %s", strings.Join(missing, " "))
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("this machine has no apt-get: install by hand what provides %s", strings.Join(missing, " "))
	}
	restore, err := forbidStarting()
	if err != nil {
		return err
	}
	defer restore()
	fmt.Fprintf(out, "packages   installing %s\n", strings.Join(missing, " "))
	if err := apt(ctx, out, "update", "-q"); err != nil {
		return err
	}
	return apt(ctx, out, append([]string{"install", "-q", "-y", "--no-install-recommends"}, missing...)...)
}

func missingPackages(ctx context.Context) []string {
	var missing []string
	for _, name := range Packages {
		status, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Status}", name).Output()
		if err != nil || !strings.HasSuffix(string(status), " installed") {
			missing = append(missing, name)
		}
	}
	return missing
}

func apt(ctx context.Context, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running apt-get %s: %w", args[0], err)
	}
	return nil
}

// policyFile is asked by every Debian package before it starts a service; 101
// means no.
const policyFile = "/usr/sbin/policy-rc.d"

// forbidStarting keeps packages from starting services: a dockerd on the machine
// would rewrite its packet filter. A policy that is there already stays.
func forbidStarting() (restore func(), err error) {
	file, err := os.OpenFile(policyFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, os.ErrExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("forbidding services to start: %w", err)
	}
	defer file.Close()
	if _, err := file.WriteString("#!/bin/sh\nexit 101\n"); err != nil {
		return nil, fmt.Errorf("forbidding services to start: %w", err)
	}
	return func() { os.Remove(policyFile) }, nil
}
