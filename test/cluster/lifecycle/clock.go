package lifecycle

import (
	"fmt"
	"io"
	"time"
)

// clock prints how long each step took.
type clock struct {
	out         io.Writer
	start, last time.Time
}

func newClock(out io.Writer) *clock {
	now := time.Now()
	return &clock{out: out, start: now, last: now}
}

func (c *clock) lap(step string) {
	now := time.Now()
	fmt.Fprintf(c.out, "%6.2f s  %s\n", now.Sub(c.last).Seconds(), step)
	c.last = now
}

func (c *clock) total(what string) {
	fmt.Fprintf(c.out, "%6.2f s  in all: %s\n", time.Since(c.start).Seconds(), what)
}
