package main

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/bed/observe"
)

// A load is what the node carries while looks are timed.
type load struct {
	name string
	make func(context.Context) error
}

// A comparison is one look beside the command that the source ran for it.
type comparison struct {
	load, check, command string
	look, ran            time.Duration // medians
}

func (c comparison) ratio() float64 { return float64(c.ran) / float64(c.look) }

// commands are what the sources ran, by check. ctr stands for crictl, which cannot be had here.
var commands = []struct{ check, command string }{
	{"kubelet", "ps aux | grep kubelet"},
	{"kubelet", "systemctl status kubelet"},
	{"containerd", "ps aux | grep containerd"},
	{"containers", "ctr -n k8s.io tasks ls"},
	{"docker", "ps aux | grep dockerd"},
	{"calico", "ps aux | grep bird"},
	{"ovs", "ovs-appctl version"},
	{"netfilter", "iptables -L -n"},
	{"netfilter", "nft list ruleset"},
	{"disk", "df"},
	{"memory", "free"},
}

func (e *environment) looks(ctx context.Context, r *report) error {
	loads := []load{
		{"as it is", func(context.Context) error { return nil }},
		{"50 000 nftables rules more", e.manyRules},
		{"500 containers more", e.manyContainers},
	}
	if e.quick {
		loads = loads[:1]
	}
	// The agent at work would look beside us.
	if _, err := e.bed.Exec(ctx, victim, "systemctl", "stop", "bulkhead-agent"); err != nil {
		return err
	}
	for _, l := range loads {
		if err := l.make(ctx); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		if err := e.compare(ctx, l.name, r); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return nil
}

func (e *environment) compare(ctx context.Context, load string, r *report) error {
	took, err := e.timeLooks(ctx)
	if err != nil {
		return err
	}
	for _, c := range commands {
		look, applies := took[c.check]
		if !applies {
			return fmt.Errorf("check %s does not apply to the node that was made for it", c.check)
		}
		ran, err := e.timeCommand(ctx, c.command)
		if err != nil {
			return err
		}
		r.looks = append(r.looks, comparison{load: load, check: c.check, command: c.command, look: look, ran: ran})
	}
	return nil
}

// timeLooks returns the median of each check that applies. --once ends with 1 if a check is Unhealthy, which is no error
// of ours: the table is there.
func (e *environment) timeLooks(ctx context.Context) (map[string]time.Duration, error) {
	out, err := e.bed.Exec(ctx, victim, "bash", "-c", "/opt/bulkhead/bulkhead-agent --config=/opt/bulkhead/agent.yaml --once --looks=200 || true")
	if err != nil {
		return nil, err
	}
	took := map[string]time.Duration{}
	lines := bufio.NewScanner(strings.NewReader(out))
	lines.Scan() // the header
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 || fields[1] == "NotApplicable" {
			continue
		}
		if took[fields[0]], err = time.ParseDuration(fields[len(fields)-1]); err != nil {
			return nil, fmt.Errorf("reading the agent's table: %w", err)
		}
	}
	return took, lines.Err()
}

// timeCommand is the median of several runs. A command that takes long runs less often.
func (e *environment) timeCommand(ctx context.Context, command string) (time.Duration, error) {
	times, bound := 21, "20"
	if e.quick {
		times = 5
	}
	script := fmt.Sprintf(`end=$((SECONDS+%s)); for i in $(seq %d); do a=$EPOCHREALTIME; bash -c '%s' >/dev/null 2>&1; b=$EPOCHREALTIME; `+
		`echo $(( (${b/./} - ${a/./}) )); [ $SECONDS -lt $end ] || break; done`, bound, times, command)
	out, err := e.bed.Exec(ctx, victim, "bash", "-c", script)
	if err != nil {
		return 0, err
	}
	var took []time.Duration
	for _, word := range strings.Fields(out) {
		n, err := strconv.Atoi(word)
		if err != nil {
			return 0, fmt.Errorf("timing %s: %w", command, err)
		}
		took = append(took, time.Duration(n)*time.Microsecond)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// manyRules adds 1000 chains of 50 rules, which nothing jumps to.
func (e *environment) manyRules(ctx context.Context) error {
	_, err := e.bed.Exec(ctx, victim, "bash", "-ec", `{ echo "table ip lab {"; for c in $(seq 1000); do echo " chain c$c {"; `+
		`for r in $(seq 50); do echo "  ip saddr 10.$((c%250)).$r.1 counter accept"; done; echo " }"; done; echo "}"; } >/tmp/lab.nft; nft -f /tmp/lab.nft`)
	return err
}

// manyContainers is ten pods of fifty containers.
func (e *environment) manyContainers(ctx context.Context) error {
	if _, err := e.bed.Exec(ctx, victim, "bash", "-ec", "nft delete table ip lab; echo max | tee /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids/system.slice/containerd.service/pids.max"); err != nil {
		return err
	}
	var manifest strings.Builder
	for pod := range 10 {
		fmt.Fprintf(&manifest, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: many-%d, labels: {app: many}}\nspec:\n  nodeName: %s\n  terminationGracePeriodSeconds: 0\n  containers:\n", pod, victim)
		for c := range 50 {
			fmt.Fprintf(&manifest, "  - {name: c%d, image: \"test.bulkhead.dev/pause:1\", imagePullPolicy: Never}\n", c)
		}
	}
	if err := e.bed.Apply(ctx, manifest.String()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	_, err := e.view.Until(ctx, "500 containers", func(s observe.State) error {
		ready := 0
		for _, p := range s.PodsOf("default", "many") {
			if observe.IsPodReady(p) {
				ready++
			}
		}
		if ready < 10 {
			return fmt.Errorf("%d of 10 pods", ready)
		}
		return nil
	})
	return err
}
