package checktest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
)

// Told starts a watch and waits until it follows a process by a pidfd: that one's end before would be a look's to find.
// The channel has when the watch told of something since.
func Told(t testing.TB, w check.Watch, pid int) <-chan time.Time {
	t.Helper()
	before := pidfds(pid) // package os has one of each child
	told := make(chan time.Time, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w(ctx, func() { told <- time.Now() })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	require.Eventually(t, func() bool { return pidfds(pid) > before }, 10*time.Second, time.Millisecond)
	for len(told) > 0 {
		<-told
	}
	return told
}

// pidfds counts our pidfds of a process.
func pidfds(pid int) int {
	files, _ := filepath.Glob("/proc/self/fdinfo/*")
	count := 0
	for _, file := range files {
		info, _ := os.ReadFile(file) // it may have been closed since
		if strings.Contains(string(info), fmt.Sprintf("\nPid:\t%d\n", pid)) {
			count++
		}
	}
	return count
}
