package runtime

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/check/daemon"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

func TestJudge(t *testing.T) {
	ready := host.RuntimeStatus{RuntimeReady: true, NetworkReady: true}
	for name, c := range map[string]struct {
		said    host.RuntimeStatus
		err     error
		kind    daemon.AnswerKind
		message string
	}{
		"ready":                {said: ready, kind: daemon.Good},
		"without pod network":  {said: host.RuntimeStatus{RuntimeReady: true, NetworkReason: "no CNI"}, kind: daemon.Good, message: "the pod network is not ready: no CNI"},
		"not ready":            {said: host.RuntimeStatus{RuntimeReason: "Down"}, kind: daemon.Bad, message: "the runtime says that it is not ready: Down"},
		"an error of its own":  {err: &host.CallError{Code: host.CodeUnknown, Message: "not initialized"}, kind: daemon.Bad, message: "the runtime answers Status with an error: not initialized"},
		"not for us":           {err: &host.CallError{Code: host.CodePermissionDenied, Message: "no"}, kind: daemon.CannotAsk},
		"silent":               {err: host.ErrSilent, kind: daemon.Silent},
		"refused":              {err: host.ErrRefused, kind: daemon.Refused},
		"no socket":            {err: host.ErrAbsent, kind: daemon.Absent},
		"no CRI where one was": {err: host.ErrNoCRI, kind: daemon.Bad, message: host.ErrNoCRI.Error()},
		"an error on our side": {err: errors.New("too many open files"), kind: daemon.CannotAsk},
	} {
		t.Run(name, func(t *testing.T) {
			got := judge(c.said, c.err)
			require.Equal(t, c.kind, got.Kind)
			require.Equal(t, c.message, got.Finding.Message)
		})
	}
}

func TestChoose(t *testing.T) {
	containerd := func(s sighting) sighting { s.name = "containerd"; return s }
	crio := func(s sighting) sighting { s.name = "crio"; return s }
	socket, unit, active := sighting{hasSocket: true}, sighting{hasUnit: true}, sighting{hasUnit: true, isActive: true}
	denied := errors.New("denied")
	for name, c := range map[string]struct {
		seen []sighting
		want check.Name
		err  string
	}{
		"none":                                  {seen: []sighting{containerd(sighting{}), crio(sighting{})}, err: check.ErrNotApplicable.Error()},
		"the one with a socket":                 {seen: []sighting{containerd(socket), crio(sighting{})}, want: "containerd"},
		"the one with a unit, though it failed": {seen: []sighting{containerd(sighting{}), crio(unit)}, want: "crio"},
		"of two the active one":                 {seen: []sighting{containerd(active), crio(unit)}, want: "containerd"},
		"of two active ones CRI-O":              {seen: []sighting{containerd(active), crio(active)}, want: "crio"},
		"of two inactive ones neither":          {seen: []sighting{containerd(unit), crio(unit)}, err: "configure"},
		"without systemd two sockets":           {seen: []sighting{containerd(socket), crio(socket)}, err: "configure"},
		"could not ask, one socket":             {seen: []sighting{containerd(sighting{hasSocket: true, err: denied}), crio(sighting{err: denied})}, want: "containerd"},
		"could not ask, nothing seen":           {seen: []sighting{containerd(sighting{err: denied}), crio(sighting{err: denied})}, err: "denied"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := choose(c.seen)
			require.Equal(t, c.want, got)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
			}
		})
	}
}

func TestNew_NamesTheCheckAfterTheEndpoint(t *testing.T) {
	doors := host.Open(hosttest.NewMachine(t))
	for endpoint, want := range map[string][]check.Name{
		"auto":                                {"containerd", "crio", "cri-dockerd"},
		"unix:///run/crio/crio.sock":          {"crio"},
		"/run/k3s/containerd/containerd.sock": {"containerd"},
		"unix:///run/cri-dockerd.sock":        {"cri-dockerd"},
	} {
		found, err := Discover(config.RuntimeSubject{Endpoint: endpoint}, config.DefaultChecks().Kubelet, doors)
		require.NoError(t, err)
		var names []check.Name
		for _, c := range found.Checks() {
			names = append(names, c.Name)
		}
		require.Equal(t, want, names, endpoint)
	}
	_, err := Discover(config.RuntimeSubject{Endpoint: "tcp://1.2.3.4"}, config.DefaultChecks().Kubelet, doors)
	require.ErrorContains(t, err, "absolute path")
}

// TestProbe_FollowsTheRuntime runs for both runtimes. CRI-O cannot be had on the machines we build on: a unit crio that
// serves the CRI on CRI-O's socket stands in for it, here and in the e2e tests.
func TestProbe_FollowsTheRuntime(t *testing.T) {
	for i, k := range known[:2] {
		t.Run(string(k.name), func(t *testing.T) {
			paths := hosttest.NewMachine(t)
			systemd := hosttest.StartSystemd(t, paths)
			looks := newLooks(t, paths)
			require.Equal(t, "not applicable", looks(i))

			systemd.Set(host.Unit{Name: k.unit, ActiveState: "active", MainPID: 50, InvocationID: "aa", ActiveFor: time.Hour})
			hosttest.Process{PID: 50, Name: k.process}.Add(t, paths)
			server := hosttest.StartCRI(t, paths, k.socket)
			require.Equal(t, "healthy", looks(i))
			require.Equal(t, "not applicable", looks(1-i), "the other runtime is not there")

			server.Say(host.RuntimeStatus{RuntimeReady: true, NetworkReason: "no CNI"}, nil)
			require.Equal(t, "healthy: the pod network is not ready: no CNI", looks(i))

			server.Freeze()
			require.Equal(t, string(v1alpha1.ReasonRuntimeNotAnswering), looks(i))
			server.Thaw()
			server.Say(host.RuntimeStatus{RuntimeReason: "Down"}, nil)
			require.Equal(t, string(v1alpha1.ReasonRuntimeNotReady), looks(i))

			server.Kill()
			systemd.Set(host.Unit{Name: k.unit, ActiveState: "activating", SubState: "auto-restart"})
			require.Equal(t, "RuntimeNotRunning, restarting", looks(i))
			systemd.Set(host.Unit{Name: k.unit, ActiveState: "inactive"})
			require.Equal(t, string(v1alpha1.ReasonRuntimeNotRunning), looks(i), "a dead runtime stays the subject")
		})
	}
}

func TestProbe_AcceptsAndNeverAnswers(t *testing.T) {
	paths := hosttest.NewMachine(t)
	systemd := hosttest.StartSystemd(t, paths)
	systemd.Set(host.Unit{Name: "containerd.service", ActiveState: "active", MainPID: 50, InvocationID: "aa", ActiveFor: time.Hour})
	hosttest.Process{PID: 50, Name: "containerd", State: 'T'}.Add(t, paths)
	hosttest.Frozen(t, paths, "/run/containerd/containerd.sock")
	looks := newLooks(t, paths)
	for range 3 {
		require.Equal(t, string(v1alpha1.ReasonRuntimeNotAnswering), looks(0))
	}
}

func TestProbe_AContainerdWithoutTheCRIIsNotTheKubelets(t *testing.T) {
	paths := hosttest.NewMachine(t)
	systemd := hosttest.StartSystemd(t, paths)
	systemd.Set(host.Unit{Name: "containerd.service", ActiveState: "active", ActiveFor: time.Hour})
	hosttest.StartGRPC(t, paths, "/run/containerd/containerd.sock")
	looks := newLooks(t, paths)
	require.Equal(t, "not applicable", looks(0))
	systemd.Set(host.Unit{Name: "containerd.service", ActiveState: "failed"})
	hosttest.Dead(t, paths, "/run/containerd/containerd.sock")
	require.Equal(t, "not applicable", looks(0), "Docker's containerd died, not the kubelet's")
}

// newLooks makes the found runtimes' probes and looks at one of them at a time.
func newLooks(t *testing.T, paths host.Paths) func(i int) string {
	t.Helper()
	doors := host.Open(paths)
	t.Cleanup(doors.Close)
	found, err := Discover(config.DefaultChecks().Runtime, config.DefaultChecks().Kubelet, doors)
	require.NoError(t, err)
	checks := found.Checks()
	return func(i int) string {
		ctx, cancel := context.WithTimeout(t.Context(), 800*time.Millisecond)
		defer cancel()
		findings, err := checks[i].Probe.Probe(ctx)
		switch {
		case errors.Is(err, check.ErrNotApplicable):
			return "not applicable"
		case err != nil:
			return "unknown: " + err.Error()
		case len(findings) == 0:
			return "healthy"
		case findings[0].Note:
			return "healthy: " + findings[0].Message
		case findings[0].Restarting:
			return string(findings[0].Reason) + ", restarting"
		default:
			return string(findings[0].Reason)
		}
	}
}
