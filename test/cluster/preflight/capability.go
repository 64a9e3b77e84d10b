package preflight

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// needed are the powers that building namespaces and nodes takes. A container's
// root often lacks them. CAP_SYS_RESOURCE is not among them.
var needed = map[string]int{
	"CAP_KILL":       unix.CAP_KILL,
	"CAP_MKNOD":      unix.CAP_MKNOD,
	"CAP_NET_ADMIN":  unix.CAP_NET_ADMIN,
	"CAP_NET_RAW":    unix.CAP_NET_RAW,
	"CAP_SYS_ADMIN":  unix.CAP_SYS_ADMIN,
	"CAP_SYS_CHROOT": unix.CAP_SYS_CHROOT,
	"CAP_SYS_PTRACE": unix.CAP_SYS_PTRACE,
}

func capabilities() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("reading capabilities: %w", err)
	}
	missing, err := missingCapabilities(string(status))
	if err != nil {
		return err
	}
	if missing != nil {
		return fmt.Errorf("root lacks %s here: use a machine of its own or a privileged container", strings.Join(missing, ", "))
	}
	return nil
}

func missingCapabilities(status string) ([]string, error) {
	_, rest, _ := strings.Cut(status, "CapEff:")
	line, _, _ := strings.Cut(rest, "\n")
	effective, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	if err != nil {
		return nil, fmt.Errorf("reading capabilities: %w", err)
	}
	var missing []string
	for name, bit := range needed {
		if effective&(1<<bit) == 0 {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing, nil
}
