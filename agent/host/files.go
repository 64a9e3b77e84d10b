package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// appeared and gone are what can become of a file in its folder.
const appeared, gone = unix.IN_CREATE | unix.IN_MOVED_TO, unix.IN_DELETE | unix.IN_MOVED_FROM

// FileChanges calls changed whenever a file of the host, usually a socket, appears in its folder or goes from it, by
// inotify. It returns when ctx ends, or with an error once the folder itself is gone. Every event of the folder wakes
// us, so it is for folders in which little happens.
func FileChanges(ctx context.Context, paths Paths, file string, changed func()) error {
	folder, name := filepath.Split(paths.At(file))
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return fmt.Errorf("opening inotify: %w", err)
	}
	queue := os.NewFile(uintptr(fd), "inotify")
	defer queue.Close()
	if _, err := unix.InotifyAddWatch(fd, folder, appeared|gone|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_ONLYDIR); err != nil {
		return fmt.Errorf("watching %s: %w", filepath.Dir(file), err)
	}
	defer endReads(ctx, queue)()
	buffer := make([]byte, 4096) // an event is 16 bytes and a name of at most 256
	for {
		n, err := queue.Read(buffer)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("reading inotify: %w", err)
		}
		concerns, ended := readEvents(buffer[:n], name)
		if concerns {
			changed()
		}
		if ended {
			return fmt.Errorf("%s is gone: %w", filepath.Dir(file), errFolderGone)
		}
	}
}

var errFolderGone = errors.New("nothing to watch")

// readEvents says whether any event is about the named file, and whether the watch has ended. An overflow is about
// every file.
func readEvents(buffer []byte, name string) (concerns, ended bool) {
	for len(buffer) >= unix.SizeofInotifyEvent {
		event := (*unix.InotifyEvent)(unsafe.Pointer(&buffer[0]))
		end := min(unix.SizeofInotifyEvent+int(event.Len), len(buffer))
		about := string(bytes.TrimRight(buffer[unix.SizeofInotifyEvent:end], "\x00"))
		buffer = buffer[end:]
		ended = ended || event.Mask&(unix.IN_IGNORED|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_UNMOUNT) != 0
		concerns = concerns || ended || about == name || event.Mask&unix.IN_Q_OVERFLOW != 0
	}
	return concerns, ended
}
