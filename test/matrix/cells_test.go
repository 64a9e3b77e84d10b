//go:build matrix

package matrix

import (
	"slices"
	"time"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	daemons "github.com/bulkhead-dev/bulkhead/test/bed/lab"
)

const (
	unhealthy  = v1alpha1.CheckUnhealthy
	restarting = v1alpha1.CheckRestarting
)

// cells are the specification: what is broken how, and what the agent must say of it. Those of one node are played in
// this order.
var cells = slices.Concat(
	unit{
		node: "n1", check: "kubelet", unit: "kubelet",
		notRunning: v1alpha1.ReasonKubeletNotRunning, notAnswering: v1alpha1.ReasonKubeletNotAnswering, zombie: v1alpha1.ReasonKubeletZombie,
	}.cells(),
	unit{
		node: "n2", check: "containerd", unit: "containerd", socket: "/run/containerd/containerd.sock",
		notRunning: v1alpha1.ReasonRuntimeNotRunning, notAnswering: v1alpha1.ReasonRuntimeNotAnswering, zombie: v1alpha1.ReasonRuntimeZombie,
	}.cells(),
	unit{
		node: "n3", check: "crio", unit: "crio", socket: "/run/crio/crio.sock",
		notRunning: v1alpha1.ReasonRuntimeNotRunning, notAnswering: v1alpha1.ReasonRuntimeNotAnswering, zombie: v1alpha1.ReasonRuntimeZombie,
	}.cells(),
	unit{
		node: "n3", check: "docker", unit: "docker", socket: "/run/docker.sock",
		notRunning: v1alpha1.ReasonDockerNotRunning, notAnswering: v1alpha1.ReasonDockerNotAnswering, zombie: v1alpha1.ReasonDockerZombie,
	}.cells(),
	unit{
		node: "n4", check: "ovs", unit: "ovs-vswitchd", name: "ovs-vswitchd: ",
		notRunning: v1alpha1.ReasonOVSVswitchdNotRunning, notAnswering: v1alpha1.ReasonOVSVswitchdNotAnswering, zombie: v1alpha1.ReasonOVSVswitchdZombie,
	}.cells(),
	unit{
		node: "n4", check: "ovs", unit: "ovsdb-server", name: "ovsdb-server: ", socket: "/run/openvswitch/db.sock",
		notRunning: v1alpha1.ReasonOVSDBNotRunning, notAnswering: v1alpha1.ReasonOVSDBNotAnswering, zombie: v1alpha1.ReasonOVSDBZombie,
	}.cells(),
	calico("n1"),
	loops,
	configuration,
	netfilter,
	pressure,
	network,
)

// A unit is a daemon that systemd starts again, and what is said of it.
type unit struct {
	node, check, unit, socket string
	name                      string // before the fault, where a check has several daemons
	notRunning, notAnswering  v1alpha1.Reason
	zombie                    v1alpha1.Reason
}

func (u unit) cells() []cell {
	all := []cell{
		{fault: "kill -9, systemd restarts it", verb: []string{"kill-unit", u.unit}, state: restarting, reason: v1alpha1.ReasonRestarting, told: true},
		{fault: "systemctl restart", verb: []string{"restart-unit", u.unit}, passing: true, told: true},
		{fault: "kill -9, nobody restarts it", verb: []string{"abandon-unit", u.unit}, back: []string{"adopt-unit", u.unit}, state: unhealthy, reason: u.notRunning, told: true},
		{fault: "systemctl stop", verb: []string{"stop-unit", u.unit}, back: []string{"start-unit", u.unit}, state: unhealthy, reason: u.notRunning},
		{fault: "SIGSTOP", verb: []string{"freeze-unit", u.unit}, back: []string{"thaw-unit", u.unit}, state: unhealthy, reason: u.notAnswering},
		// systemd cannot be asked whether it restarts it, so it gets the longest grace.
		{fault: "zombie main process, systemd stopped too", verb: []string{"zombie-unit", u.unit}, back: []string{"reap-units"}, state: unhealthy, reason: u.zombie, within: 70 * time.Second},
	}
	if u.socket != "" {
		all = append(all, cell{
			fault: "socket removed", harm: "mv " + u.socket + " " + u.socket + ".away", mend: "mv " + u.socket + ".away " + u.socket,
			state: unhealthy, reason: u.notAnswering, told: true,
		})
	}
	for i := range all {
		if all[i].back == nil && all[i].mend == "" {
			all[i].back = []string{"start-unit", u.unit}
		}
		all[i].node, all[i].check, all[i].fault = u.node, u.check, u.name+all[i].fault
	}
	return all
}

// In Calico's container a supervisor starts each program again within a second, and no systemd unit says so.
func calico(node string) []cell {
	var all []cell
	for _, p := range []struct {
		name, pattern            string
		notRunning, notAnswering v1alpha1.Reason
		zombie                   v1alpha1.Reason
	}{
		{"felix", "[c]alico-node -felix", v1alpha1.ReasonCalicoFelixNotRunning, v1alpha1.ReasonCalicoFelixNotAnswering, v1alpha1.ReasonCalicoFelixZombie},
		{"bird", "[b]ird -f", v1alpha1.ReasonCalicoBirdNotRunning, v1alpha1.ReasonCalicoBirdNotAnswering, v1alpha1.ReasonCalicoBirdZombie},
		{"confd", "[c]alico-node -confd", v1alpha1.ReasonCalicoConfdNotRunning, "", v1alpha1.ReasonCalicoConfdZombie},
	} {
		signal := func(s string) string { return "kill -" + s + " $(pgrep -f '" + p.pattern + "')" }
		all = append(all,
			cell{
				fault: p.name + ": kill -9, nobody restarts it", harm: "touch /run/lab/down/" + p.name + "; " + signal("KILL"),
				mend: "rm -f /run/lab/down/" + p.name, state: unhealthy, reason: p.notRunning,
			},
			cell{
				fault: p.name + ": zombie", harm: "touch /run/lab/noreap/" + p.name + "; " + signal("KILL"),
				mend: "rm -f /run/lab/noreap/" + p.name, state: unhealthy, reason: p.zombie,
			})
		if p.notAnswering != "" {
			all = append(all, cell{
				fault: p.name + ": SIGSTOP", harm: signal("STOP"), mend: signal("CONT"), state: unhealthy, reason: p.notAnswering,
			})
		}
	}
	all = append(all,
		cell{fault: "felix: says that it is not live", harm: "touch /run/lab/sick", mend: "rm -f /run/lab/sick", state: unhealthy, reason: v1alpha1.ReasonCalicoFelixUnhealthy},
		cell{
			fault: "bird: control socket removed", harm: "mv /run/calico/bird.ctl /run/calico/bird.away", mend: "mv /run/calico/bird.away /run/calico/bird.ctl",
			state: unhealthy, reason: v1alpha1.ReasonCalicoBirdNotAnswering,
		},
		cell{
			fault: "bird: its only BGP peer lost", harm: "iptables -w -t filter -I cali-INPUT -p tcp --sport 179 -j DROP; iptables -w -t filter -I cali-INPUT -p tcp --dport 179 -j DROP",
			mend:  "iptables -w -t filter -D cali-INPUT -p tcp --sport 179 -j DROP; iptables -w -t filter -D cali-INPUT -p tcp --dport 179 -j DROP",
			state: unhealthy, reason: v1alpha1.ReasonCalicoNoPeerEstablished, within: 30 * time.Second,
		})
	for i := range all {
		all[i].node, all[i].check = node, "calico"
	}
	return all
}

// Each death is forgiven; the third within ten minutes is not.
var loops = []cell{{
	node: "n3", check: "docker", fault: "kill -9 again and again, systemd restarts it each time",
	harm: `echo 'for i in 1 2 3; do kill -9 $(systemctl show -p MainPID --value docker); until docker version; do sleep 0.1; done; sleep 1; done' >/run/again.sh; ` +
		`systemd-run --quiet --collect --unit=again bash /run/again.sh`,
	state: unhealthy, reason: v1alpha1.ReasonRestartLoop, told: true,
}}

// An ovs-vswitchd that is connected to another database answers, and carries out nothing of this one.
var configuration = []cell{{
	node: "n4", check: "ovs", fault: "ovs-vswitchd: does not carry out what it is told",
	harm: `drop=/run/systemd/system/ovs-vswitchd.service.d; mkdir -p $drop; ` +
		`printf '[Service]\nExecStart=\nExecStart=/usr/sbin/ovs-vswitchd unix:/run/nowhere.sock --disable-system --pidfile=/run/openvswitch/ovs-vswitchd.pid\n' >$drop/lab.conf; ` +
		`systemctl daemon-reload; systemctl restart ovs-vswitchd; ovs-vsctl --timeout=1 set Open_vSwitch . external-ids:lab=1 || true`,
	mend:  "rm -r /run/systemd/system/ovs-vswitchd.service.d; systemctl daemon-reload; systemctl restart ovs-vswitchd",
	state: unhealthy, reason: v1alpha1.ReasonOVSConfigStuck, within: 30 * time.Second,
}}

// eachService empties the chain of every service.
const eachService = `for c in $(iptables -w -t nat -S | awk '/^-N KUBE-SVC-/{print $2}'); do iptables -w -t nat -F $c; done`

const calicoAgain = "bash /opt/bulkhead/calico-chains.sh"

var netfilter = []cell{
	{
		node: "n3", check: "netfilter", fault: "all rules flushed, kube-proxy in iptables mode", verb: []string{"flush-rules"}, back: []string{"restart-rules"},
		state: unhealthy, reason: v1alpha1.ReasonNetfilterEmpty, told: true,
	},
	{
		node: "n2", check: "netfilter", fault: "all rules flushed, kube-proxy in nftables mode, Calico's too", harm: "nft flush ruleset",
		mend: "systemctl restart kube-proxy; " + calicoAgain, state: unhealthy, reason: v1alpha1.ReasonNetfilterEmpty, told: true,
	},
	{
		node: "n1", check: "netfilter", fault: "jump to KUBE-SERVICES deleted", harm: `iptables -w -t nat -D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES`,
		mend: "systemctl restart kube-proxy", state: unhealthy, reason: v1alpha1.ReasonNetfilterAnchorMissing, told: true,
	},
	{
		node: "n2", check: "netfilter", fault: "base chain of kube-proxy's nftables mode deleted", harm: "nft delete chain ip kube-proxy nat-prerouting",
		mend: "systemctl restart kube-proxy", state: unhealthy, reason: v1alpha1.ReasonNetfilterAnchorMissing, told: true,
	},
	{
		node: "n1", check: "netfilter", fault: "jump to Calico's chain deleted", harm: "iptables -w -D INPUT -m comment --comment cali:lab-INPUT -j cali-INPUT",
		mend: "iptables -w -I INPUT -m comment --comment cali:lab-INPUT -j cali-INPUT", state: unhealthy, reason: v1alpha1.ReasonNetfilterAnchorMissing, told: true,
	},
	{
		node: "n3", check: "netfilter", fault: "no destination left, iptables mode", harm: eachService,
		mend: "systemctl restart kube-proxy", state: unhealthy, reason: v1alpha1.ReasonNetfilterNoDestinations, told: true,
	},
	{
		node: "n2", check: "netfilter", fault: "no destination left, nftables mode", harm: "nft flush map ip kube-proxy service-ips",
		mend: "systemctl restart kube-proxy", state: unhealthy, reason: v1alpha1.ReasonNetfilterNoDestinations, told: true,
	},
}

// Pressure stall information and the connection table's size are the machine's, shared by all nodes. Each node shows its
// agent files of its own in their place: see lab.Stall.
var pressure = []cell{
	{
		node: "n3", check: "disk", fault: "nodefs filled", verb: []string{"fill-disk"}, back: []string{"free-disk"},
		state: unhealthy, reason: v1alpha1.ReasonDiskPressure,
	},
	{
		node: "n3", check: "disk", fault: "inodes of nodefs filled", harm: "mkdir -p /var/lib/kubelet/many; cd /var/lib/kubelet/many; seq 20000 | xargs touch 2>/dev/null || true",
		mend: "rm -rf /var/lib/kubelet/many", state: unhealthy, reason: v1alpha1.ReasonInodePressure,
	},
	{
		// No node can be starved of memory here without starving the others. So its kubelet asks for more than there is.
		node: "n3", check: "memory", fault: "less memory than the kubelet's threshold", harm: kubeletWants("95%"), mend: kubeletWants("100Mi"),
		state: unhealthy, reason: v1alpha1.ReasonMemoryPressure, within: 30 * time.Second, also: []string{"kubelet"},
	},
	{
		node: "n1", check: "pids", fault: "PIDs of the node's control group used up", harm: "g=/sys/fs/cgroup/pids; n=$(( $(cat $g/pids.max) - 20 - $(cat $g/pids.current) )); " +
			"systemd-run --collect --unit=forks --property=TasksMax=infinity bash -c \"for i in \\$(seq $n); do sleep 612 & done; wait\"",
		mend: "systemctl stop forks", state: unhealthy, reason: v1alpha1.ReasonPIDLimit,
	},
	{
		node: "n2", check: "stall", fault: "memory stalled", harm: daemons.Stall("memory", 80), mend: daemons.Stall("memory", 0),
		state: unhealthy, reason: v1alpha1.ReasonMemoryStall,
	},
	{
		node: "n2", check: "stall", fault: "disks stalled", harm: daemons.Stall("io", 97), mend: daemons.Stall("io", 0),
		state: unhealthy, reason: v1alpha1.ReasonIOStall,
	},
}

// kubeletWants restarts the kubelet with another threshold for memory.
func kubeletWants(available string) string {
	return "sed -i 's/memory.available: .*/memory.available: " + available + "/' /etc/kubernetes/kubelet.yaml; systemctl restart kubelet"
}

// Routes that go with their link are put back by the test: on a real node its network manager does that.
const (
	keepRoutes = "ip route show >/run/lab-routes; "
	putRoutes  = "while read -r route; do ip route replace $route; done </run/lab-routes"
)

var network = []cell{
	{
		node: "n4", check: "route", fault: "default route deleted", harm: keepRoutes + "ip route del default", mend: putRoutes,
		state: unhealthy, reason: v1alpha1.ReasonNoDefaultRoute, told: true,
	},
	{
		node: "n4", check: "conntrack", fault: "connection table full", harm: "echo 100 >/run/lab-max; mount --bind /run/lab-max /proc/sys/net/netfilter/nf_conntrack_max; " + connect,
		mend: "umount /proc/sys/net/netfilter/nf_conntrack_max", state: unhealthy, reason: v1alpha1.ReasonConntrackFull,
	},
	{
		node: "n4", check: "peers", fault: "link slow", harm: slowLink, mend: fastLink,
		state: unhealthy, reason: v1alpha1.ReasonLinkSlow, within: time.Minute,
	},
	{
		node: "n4", check: "link", fault: "link down", harm: keepRoutes + "ip link set eth0 down", mend: "ip link set eth0 up; " + putRoutes,
		state: unhealthy, reason: v1alpha1.ReasonLinkDown, cutOff: 5 * time.Second, also: []string{"apiserver", "peers", "dns", "kubelet"},
	},
}

// A full queue: what leaves the node waits half a second and more, as on a link that is used up. The flood keeps to a rate
// a tenth above the link's, however busy the machine is: one far above would crowd out everybody else.
const (
	slowLink = `cat >/run/flood.sh <<'END'
exec 3>/dev/udp/10.66.0.11/9
began=${EPOCHREALTIME/./}; sent=0
while [ $sent -lt 3000 ]; do
	due=$(( (${EPOCHREALTIME/./} - began) / 41000 ))
	while [ $sent -lt $due ]; do printf %1400s >&3; sent=$((sent+1)); done
	sleep 0.02
done
END
tc qdisc add dev eth0 root tbf rate 256kbit burst 4kb latency 650ms
systemd-run --collect --unit=flood bash /run/flood.sh`
	fastLink = "systemctl stop flood; tc qdisc del dev eth0 root"
)

// connect leaves connections behind in the kernel's table.
const connect = `for i in $(seq 120); do (exec 3<>/dev/udp/10.66.0.11/$((20000+i)); echo >&3) 2>/dev/null || true; done`
