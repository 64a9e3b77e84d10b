package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
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
			return e.bed.Exec(ctx, node, "bash", "-c", `p=$(pgrep -x bulkhead-agent) && cat /proc/$p/stat && grep -E "VmRSS|RssAnon" /proc/$p/status`)
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
	before := map[string]float64{}
	began := map[string]time.Time{}
	for name, look := range programs {
		text, err := look()
		if err != nil {
			return nil, err
		}
		before[name], began[name] = cpuSeconds(text), time.Now()
	}
	select {
	case <-time.After(idleFor):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var out []consumption
	for name, look := range programs {
		text, err := look()
		if err != nil {
			return nil, err
		}
		out = append(out, consumption{
			name: name, rssWhole: kib(text, "VmRSS:"), rss: kib(text, "RssAnon:"),
			cpu: 100 * (cpuSeconds(text) - before[name]) / time.Since(began[name]).Seconds(),
		})
	}
	return out, nil
}

// cpuSeconds reads user and system time from the first line, /proc/<pid>/stat: the 14th and 15th field, in ticks of 10 ms.
func cpuSeconds(text string) float64 {
	line, _, _ := strings.Cut(text, "\n")
	_, rest, _ := strings.Cut(line, ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

// kib reads a line of /proc/<pid>/status.
func kib(text, key string) int {
	_, rest, _ := strings.Cut(text, key)
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(fields[0])
	return n
}
