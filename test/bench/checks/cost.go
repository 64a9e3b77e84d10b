package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/bed"
	"github.com/bulkhead-dev/bulkhead/test/bed/lab"
)

// A spending is what the agent uses while something goes on.
type spending struct {
	while    string
	milliCPU float64 // thousandths of a core
	rss, own int     // KiB
	wakeups  float64 // voluntary context switches per second, of all threads
	syscalls float64 // per second; 0 if not counted
}

func (e *environment) cost(ctx context.Context, r *report) error {
	long, storms := 5*time.Minute, []lab.Storm{lab.Rules, lab.Crash, lab.Containers}
	if e.quick {
		long, storms = 20*time.Second, nil
	}
	if err := e.spend(ctx, r, victim, "idle", long); err != nil {
		return err
	}
	if err := e.spend(ctx, r, "n2", "idle, on a node without dockerd and Open vSwitch", long/5); err != nil {
		return err
	}
	for _, s := range storms {
		end, err := s.Blow(ctx, e.bed, victim)
		if err != nil {
			return err
		}
		err = errors.Join(e.spend(ctx, r, victim, s.Name, long/5), end())
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return e.costWithoutBeats(ctx, long/5, r)
}

// spend measures the agent for a while.
func (e *environment) spend(ctx context.Context, r *report, node, while string, during time.Duration) error {
	before, err := e.consumption(ctx, node)
	if err != nil {
		return err
	}
	if err := sleep(ctx, during); err != nil {
		return err
	}
	after, err := e.consumption(ctx, node)
	if err != nil {
		return err
	}
	seconds := after.At.Sub(before.At).Seconds()
	s := spending{
		while: while, milliCPU: 1000 * (after.CPU - before.CPU).Seconds() / seconds,
		rss: after.RSS, own: after.Own, wakeups: float64(after.Switches-before.Switches) / seconds,
	}
	if s.syscalls, err = e.syscalls(ctx, node); err != nil {
		return err
	}
	fmt.Printf("%-55s %.2f mCPU, RSS %d KiB, %.1f wake-ups/s, %.0f syscalls/s\n", s.while, s.milliCPU, s.rss, s.wakeups, s.syscalls)
	r.spent = append(r.spent, s)
	return nil
}

func (e *environment) consumption(ctx context.Context, node string) (bed.Consumption, error) {
	out, err := e.bed.Exec(ctx, node, "bash", "-c", bed.ConsumptionOf(bed.AgentProgram))
	if err != nil {
		return bed.Consumption{}, err
	}
	return bed.ParseConsumption(out)
}

// syscalls counts for ten seconds, apart from the rest: strace slows the agent down.
func (e *environment) syscalls(ctx context.Context, node string) (float64, error) {
	const counted = 10
	out, err := e.bed.Exec(ctx, node, "bash", "-c",
		fmt.Sprintf(`timeout -s INT %d strace -f -c -q -o /tmp/strace.txt -p $(pgrep -ox %.15s) >/dev/null 2>&1; awk '$NF=="total" {print $(NF-1), $(NF-2), $3, $4}' /tmp/strace.txt`, counted, bed.AgentProgram))
	if err != nil {
		return 0, err
	}
	// "100.00 0.123 12 9876 54 total": the calls are the fourth column.
	fields := strings.Fields(out)
	if len(fields) == 0 {
		return 0, fmt.Errorf("strace counted nothing")
	}
	calls, err := strconv.Atoi(fields[len(fields)-1])
	if err != nil {
		return 0, fmt.Errorf("reading what strace counted from %q: %w", out, err)
	}
	return float64(calls) / counted, nil
}

// costWithoutBeats is the agent with nobody to speak to: its API server does not exist, and it remembers none.
func (e *environment) costWithoutBeats(ctx context.Context, during time.Duration, r *report) error {
	const startUp = 30 * time.Second
	const mute = `sed 's/^kubeconfig:.*//' /opt/bulkhead/agent.yaml >/opt/bulkhead/mute.yaml; ` +
		`sed 's#server: .*,#server: "https://127.0.0.1:1",#' /opt/bulkhead/agent.kubeconfig >/opt/bulkhead/mute.kubeconfig; ` +
		`echo 'kubeconfig: /opt/bulkhead/mute.kubeconfig' >>/opt/bulkhead/mute.yaml; echo 'stateDir: ""' >>/opt/bulkhead/mute.yaml; ` +
		`systemctl stop bulkhead-agent; systemd-run --unit=mute --collect /opt/bulkhead/bulkhead-agent --config=/opt/bulkhead/mute.yaml`
	if _, err := e.bed.Exec(ctx, victim, "bash", "-ec", mute); err != nil {
		return err
	}
	if err := sleep(ctx, startUp); err != nil {
		return err
	}
	if err := e.spend(ctx, r, victim, "idle, and no API server to beat to", during); err != nil {
		return err
	}
	_, err := e.bed.Exec(ctx, victim, "bash", "-ec", "systemctl stop mute; systemctl start bulkhead-agent")
	return err
}
