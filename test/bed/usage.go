package bed

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Consumption is what one process has used so far, as /proc shows it.
type Consumption struct {
	CPU      time.Duration // user and system
	RSS      int           // KiB, pages of the program file included
	Own      int           // KiB of RSS that are not pages of files
	Switches int           // voluntary context switches of all threads: how often it slept and was woken
	At       time.Time
}

// ConsumptionOf is a script for bash that prints what ParseConsumption reads, of the one process with that exact name.
func ConsumptionOf(program string) string {
	return fmt.Sprintf(`p=$(pgrep -ox %.15s) && cat /proc/$p/stat && grep -E "VmRSS|RssAnon" /proc/$p/status && `+
		`cat /proc/$p/task/*/status | grep ^voluntary`, program)
}

// ParseConsumption reads /proc/<pid>/stat, and below it the lines of interest of /proc/<pid>/status.
func ParseConsumption(text string) (Consumption, error) {
	line, rest, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line[strings.LastIndex(line, ")")+1:]) // the name may hold anything
	if len(fields) < 13 {
		return Consumption{}, fmt.Errorf("reading the consumption of a process: no stat in %q", line)
	}
	user, err := strconv.Atoi(fields[11]) // fields 14 and 15 of proc(5), in ticks of 10 ms
	if err != nil {
		return Consumption{}, fmt.Errorf("reading the consumption of a process: %w", err)
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		return Consumption{}, fmt.Errorf("reading the consumption of a process: %w", err)
	}
	c := Consumption{CPU: time.Duration(user+system) * 10 * time.Millisecond, At: time.Now()}
	for line := range strings.Lines(rest) {
		key, value, _ := strings.Cut(line, ":")
		number, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		switch key {
		case "VmRSS":
			c.RSS = number
		case "RssAnon":
			c.Own = number
		case "voluntary_ctxt_switches":
			c.Switches += number
		}
	}
	return c, nil
}
