package fault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

var diskVerbs = []Verb{
	{Name: "fill-disk", Args: "[PERCENT]", Undo: "free-disk", Short: "fill /var/lib/kubelet up to PERCENT (default 100); needs `up --nodefs-size`", Do: fillDisk},
	{Name: "free-disk", Short: "remove what fill-disk wrote", Do: freeDisk},
}

func fillDisk(_ context.Context, t Target) (time.Time, error) {
	if t.Node.NodefsSize == "" {
		return time.Time{}, errors.New("its /var/lib/kubelet is on the machine's own disk: bring the cluster up with --nodefs-size 256m")
	}
	percent := 100
	if len(t.Args) == 1 {
		value, err := strconv.Atoi(t.Args[0])
		if err != nil || value < 1 || value > 100 {
			return time.Time{}, fmt.Errorf("percent %q: write a number from 1 to 100", t.Args[0])
		}
		percent = value
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(t.Dir.Node(t.Node.Name, "kubelet"), &fs); err != nil {
		return time.Time{}, fmt.Errorf("measuring disk: %w", err)
	}
	size := fillSize(int64(fs.Blocks), int64(fs.Bavail), percent) * fs.Bsize
	if size <= 0 {
		return time.Time{}, fmt.Errorf("it is %d%% full already", percent)
	}
	file, err := os.OpenFile(fillFile(t), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return time.Time{}, errors.New("it was filled before: `cluster fault free-disk` first")
	}
	if err != nil {
		return time.Time{}, err
	}
	defer file.Close()
	at := time.Now()
	if err := unix.Fallocate(int(file.Fd()), 0, 0, size); err != nil {
		os.Remove(file.Name())
		return at, fmt.Errorf("filling disk: %w", err)
	}
	return at, nil
}

// fillSize is how many blocks have to be taken until percent of all are.
func fillSize(all, free int64, percent int) int64 {
	return all*int64(percent)/100 - (all - free)
}

func freeDisk(_ context.Context, t Target) (time.Time, error) {
	at := time.Now()
	if err := os.Remove(fillFile(t)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return at, fmt.Errorf("freeing disk: %w", err)
	}
	return at, nil
}

func fillFile(t Target) string {
	return t.Dir.Node(t.Node.Name, "kubelet", "filled-by-fault")
}
