//go:build daemons

package pressure

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// inOwnMounts runs the test with mounts that nobody else sees. The thread is not given back: it ends with its goroutine,
// and the mounts with it.
func inOwnMounts(t *testing.T, test func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		}
		defer func() { done <- err }() // also when the test gives up
		if err == nil {
			test()
		}
	}()
	require.NoError(t, <-done)
}

// mounted is a probe of two small tmpfs: for the kubelet 1 MiB and 100 inodes, for images 2 MiB and 100.
func mounted(t *testing.T, paths host.Paths) *Disk {
	t.Helper()
	for folder, size := range map[string]int{"/var/lib/kubelet": 1, "/var/lib/containerd": 2} {
		path := paths.At(folder)
		require.NoError(t, os.MkdirAll(path, 0o755))
		require.NoError(t, unix.Mount("tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%dm,nr_inodes=100", size)))
	}
	kubelet := &fakeKubelet{answer: string(configz)}
	return &Disk{source: newSource(kubelet, kubelet, "kubelet"), paths: paths, nodefs: "/var/lib/kubelet", imagefs: Auto}
}

func TestDisk_OnRealFileSystems(t *testing.T) {
	paths := host.Paths{Root: t.TempDir()}
	inOwnMounts(t, func() {
		d := mounted(t, paths)
		sees := func(want ...string) {
			t.Helper()
			faults, err := lookAt(t, d)
			require.NoError(t, err)
			require.Equal(t, want, faults)
		}
		sees()

		filler := paths.At("/var/lib/kubelet/filler")
		require.NoError(t, os.WriteFile(filler, make([]byte, 1<<20*95/100), 0o600))
		sees("DiskPressure")
		require.NoError(t, os.Remove(filler))
		sees()

		filler = paths.At("/var/lib/containerd/filler")
		require.NoError(t, os.WriteFile(filler, make([]byte, 2<<20*88/100), 0o600))
		sees("ImageDiskPressure")
		require.NoError(t, os.Remove(filler))
		sees()

		files := paths.At("/var/lib/kubelet/files")
		require.NoError(t, os.Mkdir(files, 0o755))
		for i := range 96 {
			require.NoError(t, os.WriteFile(filepath.Join(files, fmt.Sprint(i)), nil, 0o600))
		}
		sees("InodePressure")
		require.NoError(t, os.RemoveAll(files))
		sees()
	})
}

// An overlay tells of the file system of its upper layer, which is what makes a pod's own root show imagefs.
func TestDisk_AnOverlayShowsWhatItLiesOn(t *testing.T) {
	paths := host.Paths{Root: t.TempDir()}
	inOwnMounts(t, func() {
		mounted(t, paths)
		store := paths.At("/var/lib/containerd")
		for _, folder := range []string{"lower", "upper", "work", "root"} {
			require.NoError(t, os.Mkdir(filepath.Join(store, folder), 0o755))
		}
		root := filepath.Join(store, "root")
		options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", store)
		require.NoError(t, unix.Mount("overlay", root, "overlay", unix.MS_RDONLY, options))
		through, err := host.FileSystemOf(root)
		require.NoError(t, err)
		direct, err := host.FileSystemOf(store)
		require.NoError(t, err)
		require.Equal(t, direct, through)
		require.Equal(t, uint64(2<<20), through.Bytes)
	})
}

// The kernel's own triggers: twice as many spinning threads as CPUs make some wait for the CPU half of the time.
func TestStallChanges_TheKernelTells(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for range 2 * runtime.NumCPU() {
		go func() {
			runtime.LockOSThread()
			for ctx.Err() == nil { //nolint:revive // busy on purpose
			}
		}()
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3 * runtime.NumCPU()))
	began := time.Now()
	told := make(chan time.Duration, 100) // the first is only that it began to wait
	err := host.Paths{}.StallChanges(ctx, host.Trigger{Resource: "cpu", Some: true, Percent: 5}, func() {
		told <- time.Since(began)
		if len(told) == 4 {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled, "three events come")
	t.Logf("told after %s, %s, %s, %s", <-told, <-told, <-told, <-told)
}
