package host

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// A FileSystem is how full one is.
type FileSystem struct {
	Bytes          uint64
	BytesAvailable uint64 // to processes that are not root: root's reserve is not counted
	Inodes         uint64 // 0: it has no such limit, as btrfs
	InodesFree     uint64
}

// FileSystemOf measures the file system that a path, as we see it, lies on. It is one system call and cannot be
// interrupted: on a dead NFS server it hangs until that lives again.
func FileSystemOf(path string) (FileSystem, error) {
	var s unix.Statfs_t
	if _, err := again(func() (int, error) { return 0, unix.Statfs(path, &s) }); err != nil {
		return FileSystem{}, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	block := uint64(s.Frsize)
	return FileSystem{Bytes: block * s.Blocks, BytesAvailable: block * s.Bavail, Inodes: s.Files, InodesFree: s.Ffree}, nil
}
