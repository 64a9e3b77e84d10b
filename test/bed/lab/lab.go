// Package lab puts onto the test cluster's nodes every daemon that an agent looks at: dockerd, Open vSwitch in userspace
// mode, BIRD 2 with a live BGP session, a stand-in for felix and confd, Calico's chains, kube-proxy in one of its modes,
// and on one node a stand-in for CRI-O. What is Debian's is the real thing; `cluster build` has installed it.
package lab

import (
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/bulkhead-dev/bulkhead/test/bed"
)

//go:embed files
var files embed.FS

// units is where a node's units are put.
const units = "/usr/lib/systemd/system/"

// A Node says what one node gets.
type Node struct {
	Name      string
	ProxyMode string // of kube-proxy: iptables or nftables
	Docker    bool
	OVS       bool
	// Peer is the node with which BIRD has a session; empty: no Calico.
	Peer string
	CRIO bool
}

// Set puts all of it onto the nodes, side by side, and returns when every unit runs.
func Set(ctx context.Context, b *bed.Bed, nodes []Node) error {
	dir, err := os.MkdirTemp("", "bulkhead-lab")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	programs := map[string]string{"calico-node": "./test/bed/lab/calicostandin", "crio": "./test/e2e/criostandin"}
	for name, source := range programs {
		if err := build(ctx, b, filepath.Join(dir, name), source); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, n := range nodes {
		group.Go(func() error { return n.set(ctx, b, dir) })
	}
	return group.Wait()
}

func build(ctx context.Context, b *bed.Bed, out, source string) error {
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", out, source)
	command.Dir, command.Env = b.Root, append(os.Environ(), "CGO_ENABLED=0")
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w: %s", source, err, said)
	}
	return nil
}

func (n Node) set(ctx context.Context, b *bed.Bed, programs string) error {
	s := setting{bed: b, node: n, programs: programs}
	var start []string
	if n.Docker {
		s.file(ctx, "docker.service", units+"docker.service")
		start = append(start, "docker")
	}
	if n.OVS {
		s.file(ctx, "ovsdb-server.service", units+"ovsdb-server.service")
		s.file(ctx, "ovs-vswitchd.service", units+"ovs-vswitchd.service")
		start = append(start, "ovsdb-server", "ovs-vswitchd")
	}
	if n.Peer != "" {
		s.program(ctx, "calico-node")
		s.file(ctx, "calico-node.service", units+"calico-node.service")
		s.text(ctx, birdConfig(n), "/etc/calico/bird.cfg")
		s.file(ctx, "calico-chains.sh", "/opt/bulkhead/calico-chains.sh")
		start = append(start, "calico-node")
	}
	if n.CRIO {
		s.program(ctx, "crio")
		s.file(ctx, "crio.service", units+"crio.service")
		start = append(start, "crio")
	}
	s.bash(ctx, "systemctl daemon-reload")
	if n.ProxyMode != "" {
		s.bash(ctx, "sed -i 's/^mode: .*/mode: "+n.ProxyMode+"/' /etc/kubernetes/kube-proxy.yaml; nft flush ruleset; systemctl restart kube-proxy")
	}
	for _, unit := range start {
		s.bash(ctx, "systemctl start "+unit+" && systemctl is-active --quiet "+unit)
	}
	if n.Peer != "" {
		s.bash(ctx, "bash /opt/bulkhead/calico-chains.sh")
	}
	s.bash(ctx, ownPressure)
	s.bash(ctx, "echo 1000 >/sys/fs/cgroup/pids/pids.max") // what a provider might set; a tenth of it is used
	return s.err
}

// ownPressure shows the node files of its own in the place of the machine's pressure stall information, which all nodes
// share: what the tests themselves stall must light no check.
const ownPressure = `for r in cpu io memory; do
	printf 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n' >/run/lab-$r
	mountpoint -q /proc/pressure/$r || mount --bind /run/lab-$r /proc/pressure/$r
done`

// Stall is a script for a node's bash: its pressure stall information says that all work waited for the resource, cpu, io
// or memory, for that many percent of the time.
func Stall(resource string, percent int) string {
	return fmt.Sprintf(`printf 'some avg10=%[2]d.00 avg60=%[2]d.00 avg300=0.00 total=1\nfull avg10=%[2]d.00 avg60=%[2]d.00 avg300=0.00 total=1\n' >/run/lab-%[1]s`, resource, percent)
}

// setting keeps the first error, so that a list of steps stays a list.
type setting struct {
	bed      *bed.Bed
	node     Node
	programs string // folder of programs that were built
	err      error
}

func (s *setting) bash(ctx context.Context, commands string) {
	if s.err != nil {
		return
	}
	out, err := s.bed.Exec(ctx, s.node.Name, "bash", "-ec", commands)
	if err != nil {
		s.err = fmt.Errorf("setting up %s: %w: %s", s.node.Name, err, strings.TrimSpace(out))
	}
}

func (s *setting) program(ctx context.Context, name string) {
	s.bash(ctx, "mkdir -p /opt/bulkhead")
	s.push(ctx, filepath.Join(s.programs, name), "/opt/bulkhead/"+name)
}

func (s *setting) file(ctx context.Context, name, destination string) {
	text, err := files.ReadFile("files/" + name)
	if err != nil && s.err == nil {
		s.err = err
	}
	s.text(ctx, string(text), destination)
}

func (s *setting) text(ctx context.Context, text, destination string) {
	source := filepath.Join(s.programs, s.node.Name+"-"+filepath.Base(destination))
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil && s.err == nil {
		s.err = err
	}
	s.bash(ctx, "mkdir -p "+filepath.Dir(destination))
	s.push(ctx, source, destination)
}

func (s *setting) push(ctx context.Context, source, destination string) {
	if s.err == nil {
		s.err = s.bed.Push(ctx, s.node.Name, source, destination)
	}
}

// address of a node, as test/cluster gives it: n1 has 10.66.0.11.
func address(node string) string { return "10.66.0.1" + strings.TrimPrefix(node, "n") }

func as(node string) string { return "6451" + strings.TrimPrefix(node, "n") }

// birdConfig has the fastest timers BIRD allows: a lost peer is noticed after 3 s, and is back within about 2.
func birdConfig(n Node) string {
	return fmt.Sprintf(`router id %s;
protocol device { }
protocol kernel { ipv4 { import none; export none; }; }
protocol bgp Mesh_%s {
  local as %s;
  neighbor %s as %s;
  hold time 3; keepalive time 1;
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { import none; export none; };
}
`, address(n.Name), n.Peer, as(n.Name), address(n.Peer), as(n.Peer))
}
