package host

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Exited returns nil as soon as the process has ended, be it reaped or a zombie: within a millisecond, by a pidfd. One
// that had ended before is ErrNoProcess. It needs no privilege, costs one file descriptor and, while it waits, no thread.
func (ps *Processes) Exited(ctx context.Context, p Process) error {
	fd, err := unix.PidfdOpen(p.PID, unix.PIDFD_NONBLOCK)
	switch {
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.EINVAL): // EINVAL: the PID is a thread's now
		return ErrNoProcess
	case err != nil:
		return fmt.Errorf("opening a pidfd of %s (%d): %w", p.Name, p.PID, err)
	}
	file := os.NewFile(uintptr(fd), "pidfd") // the runtime's poller takes it
	defer file.Close()

	// The descriptor now holds on to whoever has the PID. Only its start time says whether that is the one meant.
	if _, err := ps.Now(p); err != nil {
		return errors.Join(err, ErrNoProcess)
	}
	defer endReads(ctx, file)()
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	err = raw.Read(isReadable)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// isReadable says that a pidfd's process has ended. Reading from a pidfd is not defined; it can only be polled.
func isReadable(fd uintptr) bool {
	polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(polled, 0)
	return err == nil && n == 1
}
