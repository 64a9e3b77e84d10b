package config_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/internal/config"
)

// The specification of what a bad file is told: one line per problem, after the file's name.
var badFiles = map[string][]string{
	"agent/unknown-key.bad.yaml": {"checks.settings.kubelet.intervall: unknown key; did you mean interval?"},
	"agent/unknown-key-far.bad.yaml": {
		"heartbeat.zzz: unknown key; known here: leavingTimeout, minTimeout, timeoutPercent, transport"},
	"agent/threshold-zero.bad.yaml": {
		"checks.settings.kubelet.failAfter: 0 is not a threshold; use 1 to 1000, the default is 3"},
	"agent/network.bad.yaml": {
		`checks.network.interfaces[0]: "" is not the name of an interface; give 1 to 15 bytes, like eth0`,
		`checks.network.flapping.changes: 1 is outside 2 to 1000; gone and back are two changes, the default is 6`,
		`checks.network.flapping.window: 100ms is outside 1s to 1h0m0s`,
		`checks.network.conntrack.fullPercent: 101 is outside 50 to 100; the default is 95`,
		`checks.network.conntrack.drops: 0 is not a number of packets; use 1 or more, the default is 10`,
		`checks.network.dns.servers[0]: "10.0.0.1" is not an address; write host:port, like 10.0.0.1:6443 or [fd00::1]:6443`,
		`checks.network.apiServer.quietAfter: 0s is outside 1s to 1h0m0s`,
		`checks.network.peers.addresses[0]: "node2:10298" is not an address; write ip:port, like 10.0.0.1:10298`,
		`checks.network.peers.slowAfter: 5s is outside 1ms to 3s`,
	},
	"agent/many.bad.yaml": {
		`apiServers[0]: ":6443" names no host; write host:port`,
		`healthAddress: "10298" is not an address; write host:port, like 10.0.0.1:6443 or [fd00::1]:6443`,
		`log: log level "loud" is not known; use debug, info, warn or error`,
		`heartbeat.transport: "pigeon" is not a transport; use lease, the only one built so far`,
		`heartbeat.timeoutPercent: 100 is outside 10 to 95; a beat must end before the next is due, 80 is the default`,
		`checks.defaults.timeout: 2s does not end before the next look; use less than the interval, 1s`,
		`checks.units[1].name: "a" is used twice; give every check its own name`,
		`checks.units[1].unit: is empty; name the unit, like chrony.service`,
	},
	"agent/wrong-types.bad.yaml": {
		`checks.settings: expected a map of keys, found a list`,
		`checks.units: expected a list, found a map`,
		`heartbeat.minTimeout: 3 is not a duration; write it with a unit, like 3s or 500ms`,
		`heartbeat.timeoutPercent: expected a whole number, found "many"`,
		`nodeName: expected text, found a list`,
		`report.timeout: "soon" is not a duration; write it like 3s, 500ms or 1h30m`,
	},
	"agent/confirm.bad.yaml": {
		`checks.settings.docker.confirm.at[1]: 200ms is not between the one before it and the next look, 100ms after the event; write them in order, like [0ms, 5ms, 20ms]`,
		`checks.settings.kubelet.confirm.at[1]: 0s is not between the one before it and the next look, 1s after the event; write them in order, like [0ms, 5ms, 20ms]`,
	},
	"agent/containers.bad.yaml": {
		`checks.containers.events: "poll" is not a source; use auto, cri, off`,
		`checks.containers.minPods: 1 is too few to say anything of the node; use 2 or more, the default is 3`,
		`checks.containers.lostPercent: 100 is outside 10 to 99; the default is 50`,
		`checks.containers.stuckAfter: 1s is outside 10s to 1h0m0s`,
		`checks.containers.lostAfter: 30s is shorter than two periods of reconcileEvery, 20s; a start in between could be missed`,
	},
	"agent/ovs-calico.bad.yaml": {
		`checks.ovs.runDir: "openvswitch" is not an absolute path`,
		`checks.ovs.stuckAfter: 10ms is outside 1s to 1h0m0s`,
		`checks.calico.runDir: "" is not an absolute path`,
		`checks.calico.livenessURL: "127.0.0.1:9099" is not an http:// address; felix's own is http://127.0.0.1:9099/liveness`,
		`checks.calico.startUp: 0s is outside 1s to 1h0m0s`,
	},
	"agent/netfilter.bad.yaml": {
		`checks.netfilter.expect[1]: "cilium" owns no rules that we know; use kube-proxy or calico`,
		`checks.netfilter.expect[0]: "kube-proxy" is in ignore too; keep it in one of the two`,
		`checks.netfilter.proxyModeURL: "127.0.0.1:10249" is not an http:// address; kube-proxy's own is http://127.0.0.1:10249/proxyMode`,
	},
	"agent/pressure.bad.yaml": {
		`checks.pressure.kubeletURL: "http://127.0.0.1:10255" is not an https:// address; the kubelet's own is https://127.0.0.1:10250`,
		`checks.pressure.tokenFile: "token" is not an absolute path`,
		`checks.pressure.nodefs: "kubelet" is not an absolute path`,
		`checks.pressure.imagefs: "docker" is neither auto nor an absolute path`,
		`checks.pressure.pidPercent: 0 is outside 1 to 50; the default is 5`,
		`checks.pressure.pidGroups[1]: "system.slice" is not a control group; write it from the root, like /system.slice`,
		`checks.pressure.memoryStallPercent: 101 is outside 0 to 100; 0 turns it off`,
	},
	"agent/twice.bad.yaml": {`this is not valid YAML: line 2: key "nodeName" already set in map`},
	"controller/relations.bad.yaml": {
		`leaderElection.renewDeadline: 3s is not shorter than leaseDuration 3s; the old leader must stop before the next begins`,
		`leaderElection.retryPeriod: 2.8s leaves no second attempt before renewDeadline 3s; use at most half of it`,
		`beats.nodesPerSecond: 0 is not a rate; use 1 or more, the default is 200`,
		`beats.maxPeriod: 1s is shorter than minPeriod 10s; swap them`,
		`dials.kubeletPort: 0 is not a port; use 1 to 65535`,
		`evictions.perSecond: 0 is outside 1 to 1000; the default is 50`,
	},
}

func load(path string) error {
	if strings.HasPrefix(path, "agent") {
		_, err := config.Load(filepath.Join("testdata", path), config.DefaultAgent())
		return err
	}
	_, err := config.Load(filepath.Join("testdata", path), config.DefaultController())
	return err
}

func TestLoad_TellsWhatIsWrongWithEachBadFile(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.bad.yaml")
	require.NoError(t, err)
	require.Len(t, files, len(badFiles), "every bad file has its row in the table")
	for path, lines := range badFiles {
		t.Run(path, func(t *testing.T) {
			err := load(path)
			require.Error(t, err)
			prefix := filepath.Join("testdata", path) + ": "
			require.Equal(t, lines, strings.Split(strings.ReplaceAll(err.Error(), prefix, ""), "\n"))
			require.True(t, strings.HasPrefix(err.Error(), prefix), "names the file: %s", err)
		})
	}
}

func TestLoad_AcceptsEachGoodFile(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.good.yaml")
	require.NoError(t, err)
	for _, file := range files {
		path, _ := filepath.Rel("testdata", file)
		require.NoError(t, load(path))
	}
}

func TestLoad_DefaultsAreValidAndNoFileMeansDefaults(t *testing.T) {
	agent, err := config.Load("", config.DefaultAgent())
	require.NoError(t, err)
	require.Equal(t, config.DefaultAgent(), agent)
	_, err = config.Load("", config.DefaultController())
	require.NoError(t, err)
}

func TestLoad_ReadsOverTheDefaults(t *testing.T) {
	agent, err := config.Parse([]byte("heartbeat: {timeoutPercent: 50}"), config.DefaultAgent())
	require.NoError(t, err)
	require.Equal(t, 50, agent.Heartbeat.TimeoutPercent)
	require.Equal(t, config.DefaultAgent().Heartbeat.MinTimeout, agent.Heartbeat.MinTimeout)
}

func TestLoad_MissingFileSaysWhichFlagToCheck(t *testing.T) {
	_, err := config.Load("/nowhere/agent.yaml", config.DefaultAgent())
	require.ErrorContains(t, err, "/nowhere/agent.yaml")
	require.ErrorContains(t, err, "check --config")
}

func TestChecks_OwnSettingsWinOverDefaults(t *testing.T) {
	agent, err := config.Load("testdata/agent/every-field.good.yaml", config.DefaultAgent())
	require.NoError(t, err)
	kubelet := agent.Checks.For("kubelet")
	require.Equal(t, 500*time.Millisecond, kubelet.Interval.Duration)
	require.Equal(t, 5, *kubelet.OKAfter)
	require.Equal(t, 4, *agent.Checks.For("containerd").OKAfter)
	require.Equal(t, 2*time.Second, agent.Checks.For("containerd").Interval.Duration)
	require.True(t, agent.Checks.For("docker").Disabled)
}

func TestBeats_PeriodGrowsWithTheCluster(t *testing.T) {
	beats := config.DefaultController().Beats
	for nodes, period := range map[int]time.Duration{
		0: time.Second, 3: time.Second, 200: time.Second, 300: 1500 * time.Millisecond,
		1000: 5 * time.Second, 2000: 10 * time.Second, 15000: 10 * time.Second,
	} {
		require.Equal(t, period, beats.Period(nodes), "%d nodes", nodes)
	}
}
