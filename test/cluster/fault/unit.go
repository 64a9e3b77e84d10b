package fault

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/test/cluster/node"
	"github.com/bulkhead-dev/bulkhead/test/cluster/process"
)

var unitVerbs = []Verb{
	{Name: "stop-unit", Args: "UNIT", Undo: "start-unit", Short: "stop a systemd unit for good", Do: systemctl("stop")},
	{Name: "start-unit", Args: "UNIT", Short: "start a systemd unit", Do: systemctl("start")},
	{Name: "restart-unit", Args: "UNIT", Short: "restart a systemd unit, as an administrator does", Do: systemctl("restart")},
	{Name: "mask-unit", Args: "UNIT", Undo: "unmask-unit", Short: "forbid a unit to start again; it goes on if it runs", Do: systemctl("mask")},
	{Name: "unmask-unit", Args: "UNIT", Short: "allow a unit to start again", Do: systemctl("unmask")},
	{Name: "kill-unit", Args: "UNIT", Short: "send a signal (--signal, default KILL) to a unit's main process; systemd may restart it", Do: killUnit},
	{Name: "freeze-unit", Args: "UNIT", Undo: "thaw-unit", Short: "stop a unit's main process by SIGSTOP: it lives and does not answer", Do: signalUnit(unix.SIGSTOP)},
	{Name: "thaw-unit", Args: "UNIT", Short: "let a frozen unit go on, by SIGCONT", Do: signalUnit(unix.SIGCONT)},
	{Name: "abandon-unit", Args: "UNIT", Undo: "adopt-unit", Short: "kill a unit's main process by SIGKILL, and systemd does not restart it", Do: abandonUnit},
	{Name: "adopt-unit", Args: "UNIT", Short: "take abandon-unit back and start the unit", Do: adoptUnit},
	{Name: "zombie-unit", Args: "UNIT", Undo: "reap-units", Short: "kill a unit's main process while the node's systemd is stopped: nobody reaps it", Do: zombieUnit},
	{Name: "reap-units", Short: "let the node's systemd go on", Do: reapUnits},
}

func systemctl(verb string) func(context.Context, Target) (time.Time, error) {
	return func(_ context.Context, t Target) (time.Time, error) {
		init, err := t.init()
		if err != nil {
			return time.Time{}, err
		}
		at := time.Now()
		_, err = node.Output(init, nil, "systemctl", verb, t.Args[0])
		return at, err
	}
}

func killUnit(_ context.Context, t Target) (time.Time, error) {
	name := "SIG" + strings.TrimPrefix(strings.ToUpper(t.Signal), "SIG")
	signal := unix.SignalNum(name)
	if signal == 0 {
		return time.Time{}, fmt.Errorf("no signal is called %q", t.Signal)
	}
	return sendToUnit(t, signal)
}

func signalUnit(signal unix.Signal) func(context.Context, Target) (time.Time, error) {
	return func(_ context.Context, t Target) (time.Time, error) { return sendToUnit(t, signal) }
}

// sendToUnit signals the main process only. The others in a unit's group may be
// pods, which belong to containerd's.
func sendToUnit(t Target, signal unix.Signal) (time.Time, error) {
	main, err := mainProcess(t)
	if err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	return at, main.Signal(signal)
}

// mainProcess finds a unit's main process as the machine knows it, to signal it
// by one system call instead of a program that has to start first.
func mainProcess(t Target) (process.Identity, error) {
	init, err := t.init()
	if err != nil {
		return process.Identity{}, err
	}
	shown, err := node.Output(init, nil, "systemctl", "show", "--property=MainPID", "--value", t.Args[0])
	if err != nil {
		return process.Identity{}, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(shown))
	if err != nil {
		return process.Identity{}, fmt.Errorf("reading main process of %s: %w", t.Args[0], err)
	}
	if pid == 0 {
		return process.Identity{}, errors.New("unit " + t.Args[0] + " has no process")
	}
	return process.Inside(init, pid)
}
