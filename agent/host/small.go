package host

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// readSmall reads a file that the kernel makes up while it is read: three system calls, and no memory but buffer, which
// os.ReadFile would have to grow into. What does not fit is an error, for half a file is a wrong one.
func readSmall(path string, buffer []byte) ([]byte, error) {
	fd, err := again(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd) //nolint:errcheck // only read
	filled := 0
	for filled < len(buffer) {
		n, err := again(func() (int, error) { return unix.Read(fd, buffer[filled:]) })
		if err != nil {
			return nil, &fs.PathError{Op: "read", Path: path, Err: err}
		}
		if n == 0 {
			return buffer[:filled], nil
		}
		filled += n
	}
	return nil, fmt.Errorf("reading %s: it is longer than %d bytes", path, len(buffer))
}

// again repeats a system call that a signal interrupted.
func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR { //nolint:errorlint // a bare errno
			return n, err
		}
	}
}

// endReads ends reads of a file or socket that wait, once ctx does: defer endReads(ctx, file)().
func endReads(ctx context.Context, of interface{ SetReadDeadline(t time.Time) error }) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = of.SetReadDeadline(time.Unix(1, 0)) })
}

// readLimit reads a file that holds one number. The word max means no limit.
func readLimit(path string) (number uint64, limited bool, err error) {
	var buffer [32]byte
	raw, err := readSmall(path, buffer[:])
	if err != nil {
		return 0, false, err
	}
	raw = bytes.TrimSpace(raw)
	if string(raw) == "max" {
		return 0, false, nil
	}
	number, err = strconv.ParseUint(string(raw), 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("reading %s: %w", path, err)
	}
	return number, true, nil
}
