package lifecycle

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

// The number of inotify instances is bounded for root on the whole machine, at
// 128 by default. A node takes about 17: systemd, containerd, kubelet and its
// cAdvisor. Beyond seven nodes kubelets ended with "too many open files", so the
// bound is raised while the cluster is up. It is the only setting of the
// machine that is changed.
const (
	inotifyFile    = "/proc/sys/fs/inotify/max_user_instances"
	inotifyBase    = 128
	inotifyPerNode = 32
)

// raised remembers the change, so that down can undo it.
type raised struct {
	Before int `json:"before"`
	After  int `json:"after"`
}

func raiseInotify(d state.Dir, nodes int) error {
	before, err := readInotify()
	if err != nil {
		return err
	}
	after := inotifyBase + nodes*inotifyPerNode
	if before >= after {
		return nil
	}
	data, err := json.Marshal(raised{Before: before, After: after})
	if err != nil {
		return fmt.Errorf("raising inotify limit: %w", err)
	}
	// Remembered first: a crash in between undoes a change that was not made.
	if err := state.WriteFile(d.Path(state.InotifyRecord), data, 0o644); err != nil {
		return err
	}
	return writeInotify(after)
}

// restoreInotify undoes raiseInotify, unless somebody else has changed the bound
// meanwhile or the machine was booted.
func restoreInotify(d state.Dir) error {
	data, err := os.ReadFile(d.Path(state.InotifyRecord))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("restoring inotify limit: %w", err)
	}
	var change raised
	if json.Unmarshal(data, &change) != nil {
		return nil //nolint:nilerr // it cannot be known any more
	}
	now, err := readInotify()
	if err != nil || now != change.After {
		return err
	}
	return writeInotify(change.Before)
}

func readInotify() (int, error) {
	data, err := os.ReadFile(inotifyFile)
	if err != nil {
		return 0, fmt.Errorf("reading inotify limit: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(string(data)))
}

func writeInotify(value int) error {
	if err := os.WriteFile(inotifyFile, []byte(strconv.Itoa(value)), 0o644); err != nil {
		return fmt.Errorf("setting inotify limit: %w", err)
	}
	return nil
}
