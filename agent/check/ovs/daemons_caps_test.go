//go:build daemons

package ovs

import (
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

func pidOf(cmd *exec.Cmd) string { return strconv.Itoa(cmd.Process.Pid) }

// without runs do on a thread that lacks a capability.
func without(capability uint, do func()) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var before, less [2]unix.CapUserData
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Capget(&header, &before[0]); err != nil {
		return err
	}
	less = before
	less[capability/32].Effective &^= 1 << (capability % 32)
	if err := unix.Capset(&header, &less[0]); err != nil {
		return err
	}
	do()
	return unix.Capset(&header, &before[0])
}
