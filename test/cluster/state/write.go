package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// WriteFile writes a file by renaming a finished one over it.
func WriteFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	draft := path + ".draft"
	if err := os.WriteFile(draft, data, mode); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(draft, path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// ErrLocked is returned by Lock when another call kept the lock for too long.
var ErrLocked = errors.New("another cluster command holds the lock")

// Lock takes the lock file at path, waiting for at most patience. The kernel
// gives it back when the holder ends, however it ends. Call waiting once if it
// is not free at once.
func Lock(path string, patience time.Duration, waiting func()) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("taking lock: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("taking lock: %w", err)
	}
	for deadline := time.Now().Add(patience); ; {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			file.Close()
			return nil, fmt.Errorf("taking lock %s: %w", path, errors.Join(ErrLocked, err))
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}
