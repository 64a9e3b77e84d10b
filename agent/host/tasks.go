package host

import (
	"bytes"
	"fmt"
	"strconv"
)

// Tasks are the machine's processes and their threads, which share one set of numbers.
type Tasks struct {
	Count uint64
	Limit uint64 // the lower of kernel.pid_max and kernel.threads-max
}

// Tasks reads how many there are and may be: three files, about 15 us. The kubelet reads the same three.
func (p Paths) Tasks() (Tasks, error) {
	var buffer [128]byte
	raw, err := readSmall(p.At("/proc/loadavg"), buffer[:])
	if err != nil {
		return Tasks{}, err
	}
	var t Tasks
	if t.Count, err = parseTaskCount(raw); err != nil {
		return Tasks{}, err
	}
	for _, file := range []string{"/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"} {
		limit, _, err := readLimit(p.At(file))
		if err != nil {
			return Tasks{}, err
		}
		if t.Limit == 0 || limit < t.Limit {
			t.Limit = limit
		}
	}
	return t, nil
}

// parseTaskCount reads the 3518 of "1.36 3.49 4.53 2/3518 3715089".
func parseTaskCount(raw []byte) (uint64, error) {
	var fields [5][]byte
	rest := bytes.TrimSpace(raw)
	for i := range fields {
		fields[i], rest, _ = bytes.Cut(rest, []byte(" "))
	}
	_, count, found := bytes.Cut(fields[3], []byte("/"))
	if !found {
		return 0, fmt.Errorf("parsing loadavg: no count of tasks in %q", raw)
	}
	return strconv.ParseUint(string(count), 10, 63)
}
