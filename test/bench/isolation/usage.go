package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/bed"
)

// idleFor is how long programs are watched while nothing happens.
const idleFor = 30 * time.Second

// consumption is what one program uses.
type consumption struct {
	name     string
	rss      int // KiB
	cpu      float64
	rssWhole int // KiB, file pages included: VmRSS
}

// usage measures agents and controllers over a quiet time.
func (e *environment) usage(ctx context.Context) ([]consumption, error) {
	programs := map[string]func() (string, error){}
	for n := range 3 {
		node := victim(n)
		programs["agent on "+node] = func() (string, error) {
			return e.bed.Exec(ctx, node, "bash", "-c", bed.ConsumptionOf(bed.AgentProgram))
		}
	}
	for _, p := range e.processes {
		programs["controller "+p.Name] = func() (string, error) {
			dir := fmt.Sprintf("/proc/%d/", p.PID())
			stat, err := os.ReadFile(dir + "stat")
			if err != nil {
				return "", err
			}
			status, err := os.ReadFile(dir + "status")
			return string(stat) + string(status), err
		}
	}
	before, err := measure(programs)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(idleFor):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	after, err := measure(programs)
	if err != nil {
		return nil, err
	}
	var out []consumption
	for name, now := range after {
		out = append(out, consumption{
			name: name, rssWhole: now.RSS, rss: now.Own,
			cpu: 100 * (now.CPU - before[name].CPU).Seconds() / now.At.Sub(before[name].At).Seconds(),
		})
	}
	return out, nil
}

func measure(programs map[string]func() (string, error)) (map[string]bed.Consumption, error) {
	out := map[string]bed.Consumption{}
	for name, look := range programs {
		text, err := look()
		if err != nil {
			return nil, err
		}
		if out[name], err = bed.ParseConsumption(text); err != nil {
			return nil, err
		}
	}
	return out, nil
}
