package lab

import (
	"context"
	"fmt"

	"github.com/bulkhead-dev/bulkhead/test/bed"
)

// A Storm is something harmless that happens on a node again and again, and that an agent must neither take for a fault
// nor spend much on.
type Storm struct {
	Name   string
	script string // for bash; it goes on until it is ended
}

// The storms. Each does once a second what a busy node does.
var (
	Rules = Storm{"200 rules rewritten every second, as kube-proxy does", `nft add table ip storm; nft add chain ip storm c; while sleep 1; do ` +
		`{ echo "flush chain ip storm c"; for r in $(seq 200); do echo "add rule ip storm c ip saddr 10.1.$((RANDOM%250)).$r accept"; done; } | nft -f -; done`}
	Crash = Storm{"a unit that dies every second and is started again", `while sleep 1; do systemctl kill -s KILL storm-crash; done`}
	// Containers of the runtime's own, 60 started and 60 ended a minute, three at a time.
	Containers = Storm{"60 containers started and ended a minute", `i=0; while sleep 1; do i=$((i+1)); ctr -n k8s.io run -d test.bulkhead.dev/pause:1 storm-$i; ` +
		`if [ $i -gt 2 ]; then ctr -n k8s.io tasks rm -f storm-$((i-2)); ctr -n k8s.io containers rm storm-$((i-2)); fi; done`}
)

// Blow begins a storm on a node; end ends it and cleans up.
func (s Storm) Blow(ctx context.Context, b *bed.Bed, node string) (end func() error, err error) {
	const unit = "storm"
	if s == Crash {
		if _, err := b.Exec(ctx, node, "systemd-run", "--unit=storm-crash", "--property=Restart=always", "--property=StartLimitIntervalSec=0", "sleep", "100000"); err != nil {
			return nil, err
		}
	}
	if _, err := b.Exec(ctx, node, "bash", "-c", `n=0; while systemctl is-active -q `+unit+`$n; do n=$((n+1)); done; systemd-run --collect --unit=`+unit+`$n bash -c "$0"`, s.script); err != nil {
		return nil, fmt.Errorf("beginning %s on %s: %w", s.Name, node, err)
	}
	return func() error {
		_, err := b.Exec(context.WithoutCancel(ctx), node, "bash", "-c", `systemctl stop 'storm*'; nft delete table ip storm 2>/dev/null; `+
			`for c in $(ctr -n k8s.io containers ls -q | grep ^storm-); do ctr -n k8s.io tasks rm -f $c; ctr -n k8s.io containers rm $c; done; true`)
		return err
	}, nil
}

// Exits lets the node's stand-in for CRI-O tell of the end of that many containers a minute; 0 of none.
func Exits(ctx context.Context, b *bed.Bed, node string, perMinute int) error {
	_, err := b.Exec(ctx, node, "bash", "-ec", fmt.Sprintf(`mkdir -p /run/systemd/system/crio.service.d; `+
		`printf '[Service]\nExecStart=\nExecStart=/opt/bulkhead/crio --exits=%d\n' >/run/systemd/system/crio.service.d/exits.conf; `+
		`systemctl daemon-reload; systemctl restart crio`, perMinute))
	return err
}
