package fault

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/test/cluster/node"
)

// noRestart is laid over a unit whose own setting is Restart=always. It is not masked: systemd would then forget its
// KillMode too, and end containerd's pods with it.
const noRestart = `drop=/run/systemd/system/"$0".service.d; mkdir -p "$drop" && printf '[Service]\nRestart=no\n' >"$drop/abandoned.conf" && systemctl daemon-reload`

func abandonUnit(_ context.Context, t Target) (time.Time, error) {
	init, err := t.init()
	if err != nil {
		return time.Time{}, err
	}
	if _, err := node.Output(init, nil, "sh", "-c", noRestart, t.Args[0]); err != nil {
		return time.Time{}, err
	}
	return sendToUnit(t, unix.SIGKILL)
}

func adoptUnit(_ context.Context, t Target) (time.Time, error) {
	init, err := t.init()
	if err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	_, err = node.Output(init, nil, "sh", "-c",
		`rm -f /run/systemd/system/"$0".service.d/abandoned.conf; systemctl daemon-reload; systemctl reset-failed "$0"; systemctl start "$0"`, t.Args[0])
	return at, err
}

// zombieUnit stops systemd from outside: inside of the node its first process takes no such signal.
func zombieUnit(_ context.Context, t Target) (time.Time, error) {
	init, err := t.init()
	if err != nil {
		return time.Time{}, err
	}
	main, err := mainProcess(t)
	if err != nil {
		return time.Time{}, err
	}
	if err := init.Signal(unix.SIGSTOP); err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	return at, main.Signal(unix.SIGKILL)
}

func reapUnits(_ context.Context, t Target) (time.Time, error) {
	init, err := t.init()
	if err != nil {
		return time.Time{}, err
	}
	return time.Now(), init.Signal(unix.SIGCONT)
}
