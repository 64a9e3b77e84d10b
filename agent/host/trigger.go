package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNoTrigger says that this pressure file cannot tell of stalls: it is not the kernel's, or it may not be written to.
var ErrNoTrigger = errors.New("stalls cannot be told")

// A Trigger asks to be told when all work waited for a resource, or some of it, for a share of a window.
type Trigger struct {
	Resource string // memory, io or cpu
	Some     bool   // at least one task waited; for the cpu the kernel counts nothing else
	Percent  int    // of the window, 1 to 100
}

// The windows to try. Without CAP_SYS_RESOURCE the kernel takes only multiples of 2 s, and none before Linux 6.5.
var windows = []time.Duration{time.Second, 2 * time.Second}

// StallChanges calls changed while work stalls as the trigger says, at most once per window, and once at the start. It
// returns when ctx ends, or with an error if there can be no trigger. It waits in the runtime's poller, without a thread.
func (p Paths) StallChanges(ctx context.Context, t Trigger, changed func()) error {
	file, err := p.setTrigger(t)
	if err != nil {
		return err
	}
	defer file.Close() // its end ends the trigger
	defer endReads(ctx, file)()
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	// Being woken is the event. The kernel shows it once, to whoever polls first: that was the runtime, and to poll
	// again in order to make sure would show nothing.
	waits := false
	err = raw.Read(func(uintptr) (done bool) {
		if waits {
			changed()
		}
		waits = true
		return false
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("waiting for pressure on %s: %w", t.Resource, err)
}

// setTrigger returns the open file that holds the trigger. In a pod the host's /proc is read-only; the pod's own shows
// the same pressure and may be written to.
func (p Paths) setTrigger(t Trigger) (*os.File, error) {
	path := p.pressure(t.Resource)
	if err := isKernels(path); err != nil {
		return nil, err
	}
	fd, err := openTrigger(path, t)
	if errors.Is(err, unix.EROFS) && isKernels("/proc/pressure/"+t.Resource) == nil {
		fd, err = openTrigger("/proc/pressure/"+t.Resource, t)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: setting a trigger on %s: %w", ErrNoTrigger, path, err)
	}
	return os.NewFile(uintptr(fd), path), nil // it does not block, so the runtime's poller takes it
}

// isKernels keeps us from writing to a file that somebody put in the kernel's place, as tests do.
func isKernels(path string) error {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNoTrigger, path, err)
	}
	if s.Type != unix.PROC_SUPER_MAGIC && s.Type != unix.CGROUP2_SUPER_MAGIC {
		return fmt.Errorf("%w: %s is not the kernel's", ErrNoTrigger, path)
	}
	return nil
}

func (t Trigger) kind() string {
	if t.Some {
		return "some"
	}
	return "full"
}

func openTrigger(path string, t Trigger) (int, error) {
	var problems []error
	for _, window := range windows {
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return 0, err
		}
		stalled := window * time.Duration(t.Percent) / 100
		// The kernel overwrites the last byte with its end mark.
		if _, err = unix.Write(fd, fmt.Appendf(nil, "%s %d %d\x00", t.kind(), stalled.Microseconds(), window.Microseconds())); err == nil {
			return fd, nil
		}
		problems = append(problems, err)
		_ = unix.Close(fd)
	}
	return 0, errors.Join(problems...)
}
