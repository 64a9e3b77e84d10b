package pressure

import (
	"context"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// fakeKubelet is its configz and its process.
type fakeKubelet struct {
	mu     sync.Mutex // guards everything below
	answer string
	err    error
	asked  int
	pid    int // 0: gone
}

func (f *fakeKubelet) Get(context.Context, context.Context) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	return []byte(f.answer), f.err
}

func (f *fakeKubelet) Now(p host.Process) (host.Process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.PID != f.pid {
		return host.Process{}, host.ErrNoProcess
	}
	return p, nil
}

func (f *fakeKubelet) Find(context.Context, string) (host.Process, error) {
	f.mu.Lock()
	pid := f.pid
	f.mu.Unlock()
	return f.Now(host.Process{PID: max(pid, 1), Started: 1})
}

// becomes changes it: what it answers, how it fails, and its process.
func (f *fakeKubelet) becomes(answer string, err error, pid int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer, f.err, f.pid = answer, err, pid
}

func (f *fakeKubelet) wasAsked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

const (
	tenPercent    = `{"kubeletconfig":{"evictionHard":{"nodefs.available":"10%"}}}`
	twentyPercent = `{"kubeletconfig":{"evictionHard":{"nodefs.available":"20%"}}}`
)

var full = []check.Finding{{Reason: v1alpha1.ReasonDiskPressure, Message: "full"}}

func TestSource_AsksAtTheFirstLookAndThenRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kubelet := &fakeKubelet{answer: tenPercent, pid: 7}
		s := newSource(kubelet, kubelet, "kubelet")
		require.Equal(t, share(10), s.current(t.Context()).Nodefs)
		require.Equal(t, share(10), s.current(t.Context()).Nodefs)
		require.Equal(t, 1, kubelet.wasAsked())

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 3 { // as many checks follow it
			go func() { _ = s.follow(ctx, nil) }()
		}
		kubelet.becomes(twentyPercent, nil, 7)
		time.Sleep(askEvery - time.Second)
		require.Equal(t, 1, kubelet.wasAsked())
		time.Sleep(askAgain + time.Second)
		require.Equal(t, 2, kubelet.wasAsked())
		require.Equal(t, share(20), s.current(ctx).Nodefs)
	})
}

func TestSource_AsksAgainSoonOfAKubeletThatWasRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kubelet := &fakeKubelet{answer: tenPercent, pid: 7}
		s := newSource(kubelet, kubelet, "kubelet")
		s.current(t.Context())
		go func() { _ = s.follow(t.Context(), nil) }()
		synctest.Wait()

		kubelet.becomes("", host.ErrRefused, 0)
		time.Sleep(time.Minute)
		require.Equal(t, share(10), s.current(t.Context()).Nodefs, "what it said last stands")
		findings, err := s.believed(s.current(t.Context()), full)
		require.NoError(t, err)
		require.Equal(t, full, findings)

		kubelet.becomes(twentyPercent, nil, 9)
		time.Sleep(askAgain)
		synctest.Wait()
		require.Equal(t, share(20), s.current(t.Context()).Nodefs)
	})
}

func TestSource_ByAMereDefaultWaitsForAKubeletThatStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kubelet := &fakeKubelet{err: host.ErrRefused}
		s := newSource(kubelet, kubelet, "kubelet")
		require.Equal(t, kubeletDefaults(), s.current(t.Context()).Thresholds)
		_, err := s.believed(s.current(t.Context()), full)
		require.EqualError(t, err, "waiting for the kubelet to tell its thresholds (it refuses connections): full")
		findings, err := s.believed(s.current(t.Context()), nil)
		require.NoError(t, err)
		require.True(t, findings[0].Note)

		time.Sleep(settled)
		findings, err = s.believed(s.current(t.Context()), full)
		require.NoError(t, err)
		require.Equal(t, []string{"DiskPressure", "()"}, words(findings))
		require.Equal(t, "the thresholds are the kubelet's defaults, its own are not known: it refuses connections", findings[1].Message)
	})
}

func TestSource_ARefusalIsNotWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		note string
	}{
		"not allowed":  {host.StatusError(403), "it answers 403; our service account needs get on nodes/configz"},
		"not a pod":    {os.ErrNotExist, "file does not exist"},
		"an impostor":  {host.ErrNotRoots, host.ErrNotRoots.Error()},
		"an old one":   {host.StatusError(404), "it answers 404"},
		"not readable": {nil, "reading the kubelet's configz: unexpected end of JSON input"},
	} {
		kubelet := &fakeKubelet{err: c.err}
		s := newSource(kubelet, kubelet, "kubelet")
		findings, err := s.believed(s.current(t.Context()), full)
		require.NoError(t, err, name)
		require.Contains(t, findings[1].Message, c.note)
	}
}
