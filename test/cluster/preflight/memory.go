package preflight

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Measured: the control plane takes 0.7 GiB and an idle node 0.2 GiB; pods and
// a compiler beside it come on top.
const (
	controlPlaneMiB = 1024
	nodeMiB         = 256
)

func memory(nodes int) error {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return fmt.Errorf("reading free memory: %w", err)
	}
	available, err := availableMiB(string(info))
	if err != nil {
		return err
	}
	if want := controlPlaneMiB + nodes*nodeMiB; available < want {
		return fmt.Errorf("%d nodes need %d MiB of memory and %d are available: ask for fewer with --nodes, or end other programs", nodes, want, available)
	}
	return nil
}

func availableMiB(meminfo string) (int, error) {
	_, rest, found := strings.Cut(meminfo, "MemAvailable:")
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return 0, fmt.Errorf("reading free memory: no MemAvailable in /proc/meminfo")
	}
	kib, err := strconv.Atoi(fields[0])
	if err != nil {
		return 0, fmt.Errorf("reading free memory: %w", err)
	}
	return kib / 1024, nil
}
