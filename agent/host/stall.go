package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrNoPressure says that the kernel does not account for stalls: older than 4.20, or started with psi=0.
// Checks branch on it.
var ErrNoPressure = errors.New("the kernel does not account for pressure")

// Stalls is how long work waited for one resource, as /proc/pressure says it.
type Stalls struct {
	Some Stall // at least one task waited
	Full Stall // every task that had something to do waited
}

// A Stall is the share of the time, in percent.
type Stall struct {
	Avg10, Avg60 float64 // of the last 10 s and 60 s, renewed every 2 s
}

// Stalls reads the pressure of one resource: cpu, memory or io.
func (p Paths) Stalls(resource string) (Stalls, error) {
	var buffer [512]byte
	raw, err := readSmall(p.pressure(resource), buffer[:])
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.EOPNOTSUPP):
		return Stalls{}, ErrNoPressure
	case err != nil:
		return Stalls{}, err
	}
	return parseStalls(raw)
}

func (p Paths) pressure(resource string) string { return p.At("/proc/pressure/" + resource) }

// parseStalls reads lines like "full avg10=0.00 avg60=0.20 avg300=0.24 total=17024658". The kernel's cpu file had no
// full line before 5.13.
func parseStalls(raw []byte) (Stalls, error) {
	var s Stalls
	found := false
	for line := range bytes.Lines(raw) {
		kind, rest, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		var stall *Stall
		switch string(kind) {
		case "some":
			stall, found = &s.Some, true
		case "full":
			stall = &s.Full
		default:
			continue
		}
		if err := stall.parse(rest); err != nil {
			return Stalls{}, fmt.Errorf("parsing pressure: %q: %w", line, err)
		}
	}
	if !found {
		return Stalls{}, fmt.Errorf("parsing pressure: no line of some in %q", raw)
	}
	return s, nil
}

func (s *Stall) parse(fields []byte) error {
	known := 0
	for len(fields) > 0 {
		var field []byte
		field, fields, _ = bytes.Cut(fields, []byte(" "))
		name, value, _ := bytes.Cut(field, []byte("="))
		var err error
		switch string(name) {
		case "avg10":
			s.Avg10, err = percent(value)
		case "avg60":
			s.Avg60, err = percent(value)
		default:
			continue
		}
		if err != nil {
			return err
		}
		known++
	}
	if known != 2 {
		return errors.New("avg10 and avg60 are not both there")
	}
	return nil
}

func percent(value []byte) (float64, error) {
	share, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		return 0, err
	}
	if !(share >= 0 && share <= 101) { // it is rounded up; and NaN is no share
		return 0, fmt.Errorf("%s is no percentage", value)
	}
	return share, nil
}
