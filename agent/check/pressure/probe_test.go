package pressure

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/agent/host/hosttest"
	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// node is a healthy one with control groups of version 2, by their names. Its kubelet cannot be asked.
func node(t testing.TB) (host.Paths, map[check.Name]check.Probe) {
	t.Helper()
	paths := host.Paths{Root: t.TempDir()}
	require.NoError(t, os.MkdirAll(paths.At("/var/lib/kubelet"), 0o755))
	require.NoError(t, os.MkdirAll(paths.At("/var/lib/containerd"), 0o755))
	hosttest.SetMemory(t, paths, 16*gi, 8*gi)
	hosttest.SetTasks(t, paths, 500, 32768)
	for _, resource := range []string{"memory", "io", "cpu"} {
		hosttest.SetStall(t, paths, resource, 0, 0)
	}
	hosttest.WriteFile(t, paths, "/sys/fs/cgroup/cgroup.controllers", "memory pids\n")
	hosttest.WriteFile(t, paths, "/sys/fs/cgroup/kubepods.slice/memory.current", "8000000000\n")
	hosttest.WriteFile(t, paths, "/sys/fs/cgroup/kubepods.slice/pids.max", "30000\n")
	hosttest.WriteFile(t, paths, "/sys/fs/cgroup/kubepods.slice/pids.current", "100\n")
	hosttest.WriteFile(t, paths, "/sys/fs/cgroup/system.slice/containerd.service/pids.max", "max\n")

	o := config.DefaultChecks().Pressure
	o.TokenFile = paths.At("/token") // there is none
	probes := map[check.Name]check.Probe{}
	for _, c := range New(o, "kubelet", host.Open(paths)) {
		probes[c.Name] = c.Probe
	}
	return paths, probes
}

// lookAt returns the faults; notes are left out.
func lookAt(t testing.TB, p check.Probe) ([]string, error) {
	t.Helper()
	findings, err := p.Probe(t.Context())
	var faults []check.Finding
	for _, f := range findings {
		if !f.Note {
			faults = append(faults, f)
		}
	}
	return words(faults), err
}

func TestProbes_FindAHealthyNodeHealthy(t *testing.T) {
	_, probes := node(t)
	delete(probes, "disk") // the test machine's own disk may be full
	require.Len(t, probes, 3)
	for name, p := range probes {
		faults, err := lookAt(t, p)
		require.NoError(t, err, name)
		require.Empty(t, faults, name)
	}
}

func TestMemory_ShortageIsFoundAndClears(t *testing.T) {
	paths, probes := node(t)
	hosttest.SetMemory(t, paths, 16*gi, 40<<20)
	faults, err := lookAt(t, probes["memory"])
	require.NoError(t, err)
	require.Equal(t, []string{"MemoryPressure"}, faults)
	hosttest.SetMemory(t, paths, 16*gi, 4*gi)
	faults, err = lookAt(t, probes["memory"])
	require.NoError(t, err)
	require.Empty(t, faults)
}

func TestMemory_OfANodeThatIsAContainerIsItsOwnGroups(t *testing.T) {
	paths, probes := node(t)
	hosttest.WriteFile(t, paths, "/sys/fs/cgroup/memory.current", "17179869184\n")
	hosttest.WriteFile(t, paths, "/sys/fs/cgroup/memory.stat", "inactive_file 1000000\n")
	faults, err := lookAt(t, probes["memory"])
	require.NoError(t, err)
	require.Equal(t, []string{"MemoryPressure"}, faults)
}

func TestMemory_DoesWithoutControlGroupsAndNotWithoutMeminfo(t *testing.T) {
	paths, probes := node(t)
	require.NoError(t, os.RemoveAll(paths.At("/sys")))
	faults, err := lookAt(t, probes["memory"])
	require.NoError(t, err)
	require.Empty(t, faults)
	require.NoError(t, os.Remove(paths.At("/proc/meminfo")))
	_, err = lookAt(t, probes["memory"])
	require.ErrorContains(t, err, "reading how much memory is left")
}

func TestPIDs_LooksWhereTheKubeletDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paths, probes := node(t)
		faults, err := lookAt(t, probes["pids"])
		require.NoError(t, err)
		require.Empty(t, faults)

		hosttest.WriteFile(t, paths, "/sys/fs/cgroup/kubepods.slice/pids.current", "29999\n")
		faults, err = lookAt(t, probes["pids"])
		require.NoError(t, err)
		require.Equal(t, []string{"PIDLimit"}, faults)

		require.NoError(t, os.RemoveAll(paths.At("/sys/fs/cgroup/kubepods.slice")))
		faults, err = lookAt(t, probes["pids"])
		require.NoError(t, err)
		require.Empty(t, faults, "its end is no shortage")

		hosttest.WriteFile(t, paths, "/sys/fs/cgroup/pids.max", "512\n")
		hosttest.WriteFile(t, paths, "/sys/fs/cgroup/pids.current", "511\n")
		time.Sleep(limitsEvery)
		faults, err = lookAt(t, probes["pids"])
		require.NoError(t, err)
		require.Equal(t, []string{"PIDLimit"}, faults, "a new limit is found")
	})
}

func TestPIDs_TellsTheMachineWithoutControlGroups(t *testing.T) {
	paths, probes := node(t)
	require.NoError(t, os.RemoveAll(paths.At("/sys")))
	_, err := lookAt(t, probes["pids"])
	require.ErrorContains(t, err, "is the host's /sys/fs/cgroup mounted?")
	hosttest.SetTasks(t, paths, 32700, 32768)
	faults, err := lookAt(t, probes["pids"])
	require.NoError(t, err)
	require.Equal(t, []string{"PIDPressure"}, faults)
}

func TestStall_IsFoundAndClears(t *testing.T) {
	paths, probes := node(t)
	hosttest.SetStall(t, paths, "memory", 80, 20)
	faults, err := lookAt(t, probes["stall"])
	require.NoError(t, err)
	require.Equal(t, []string{"MemoryStall"}, faults)
	hosttest.SetStall(t, paths, "memory", 5, 60)
	faults, err = lookAt(t, probes["stall"])
	require.NoError(t, err)
	require.Empty(t, faults)
}

func TestStall_DoesNotApplyToAKernelThatDoesNotCountIt(t *testing.T) {
	paths, probes := node(t)
	require.NoError(t, os.Remove(paths.At("/proc/pressure/cpu")))
	_, err := lookAt(t, probes["stall"])
	require.NoError(t, err, "the others are there")
	require.NoError(t, os.RemoveAll(paths.At("/proc/pressure")))
	_, err = lookAt(t, probes["stall"])
	require.ErrorIs(t, err, check.ErrNotApplicable)
}

func TestStall_IsLookedAtWhereTheKernelCannotTell(t *testing.T) {
	_, probes := node(t)
	stall := probes["stall"].(*Stall)
	for _, percent := range []int{0, 40} {
		err := stall.watch("memory", percent)(t.Context(), func() { t.Error("told") })
		require.ErrorIs(t, err, check.ErrNotApplicable, "and so is not tried again")
	}
}

func TestDisk_SaysWhichMountIsMissing(t *testing.T) {
	paths, probes := node(t)
	require.NoError(t, os.RemoveAll(paths.At("/var/lib/kubelet")))
	_, err := lookAt(t, probes["disk"])
	require.ErrorContains(t, err, "is it mounted into the agent's pod?")
}

func TestDisk_FindsTheImageStore(t *testing.T) {
	paths := host.Paths{Root: t.TempDir()}
	d := &Disk{paths: paths, imagefs: Auto}
	store, err := d.findStore()
	require.NoError(t, err)
	require.Equal(t, "/", store, "in a pod that sees none, its own root")
	require.NoError(t, os.MkdirAll(paths.At("/var/lib/docker"), 0o755))
	store, err = d.findStore()
	require.NoError(t, err)
	require.Equal(t, paths.At("/var/lib/docker"), store)
}

func TestNew_PassesOnEveryField(t *testing.T) {
	agent, err := config.Load("../../../internal/config/testdata/agent/every-field.good.yaml", config.DefaultAgent())
	require.NoError(t, err)
	paths := host.Paths{Root: t.TempDir()}
	checks := New(agent.Checks.Pressure, "k3s", host.Open(paths))
	disk, memory, pids, stall := checks[0].Probe.(*Disk), checks[1].Probe.(*Memory), checks[2].Probe.(*PIDs), checks[3].Probe.(*Stall)
	require.Equal(t, host.NewConfigz("https://127.0.0.1:11250", "/tmp/token"), disk.source.configz)
	require.Equal(t, "k3s", disk.source.process)
	require.Same(t, disk.source, memory.source)
	require.Same(t, disk.source, pids.source)
	require.Equal(t, "/data/kubelet", disk.nodefs)
	require.Equal(t, paths.At("/data/images"), disk.imagefs)
	require.Equal(t, 60, memory.outside)
	require.Equal(t, share(7), pids.own)
	require.Equal(t, []string{"/a"}, pids.names)
	require.Equal(t, stallLimits{memory: 41, io: 91, cpu: 96}, stall.limits)
}

func TestNew_ChecksStayUnhealthyAsLongAsTheKubeletsConditions(t *testing.T) {
	var names []check.Name
	for _, c := range New(config.DefaultChecks().Pressure, "kubelet", host.Open(host.Paths{Root: t.TempDir()})) {
		names = append(names, c.Name)
		require.Equal(t, 5*time.Minute, c.Dwell)
		require.NotEmpty(t, c.Needs)
		require.Empty(t, c.DependsOn)
	}
	require.Equal(t, []check.Name{"disk", "memory", "pids", "stall"}, names)
}

// One healthy look at this machine's own files.
func benchmark(b *testing.B, name check.Name) {
	b.Helper()
	o := config.DefaultChecks().Pressure
	o.TokenFile, o.Nodefs, o.Imagefs = "/nowhere", "/", "/"
	for _, c := range New(o, "kubelet", host.Open(host.Paths{})) {
		if c.Name != name {
			continue
		}
		if _, err := c.Probe.Probe(b.Context()); err != nil {
			b.Skip(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			_, _ = c.Probe.Probe(b.Context())
		}
	}
}

func BenchmarkDisk(b *testing.B)   { benchmark(b, "disk") }
func BenchmarkMemory(b *testing.B) { benchmark(b, "memory") }
func BenchmarkPIDs(b *testing.B)   { benchmark(b, "pids") }
func BenchmarkStall(b *testing.B)  { benchmark(b, "stall") }
