package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxBirdLines of one answer are read: a mesh of 1000 nodes has 1000 peers.
const maxBirdLines = 20000

// Bird asks BIRD, of version 1, 2 or 3, on its control socket.
type Bird struct {
	paths Paths
}

// NewBird prepares the door.
func NewBird(paths Paths) *Bird { return &Bird{paths: paths} }

// BirdStatus is what BIRD says of itself.
type BirdStatus struct {
	// IsRecovering: it waits for its peers after a graceful restart.
	IsRecovering bool
	Protocols    []BirdProtocol
}

// A BirdProtocol is one instance of a routing protocol, a BGP peer for example.
type BirdProtocol struct {
	Name  string
	Kind  string // BGP, Kernel, Device, ...
	State string // up, start, down, ...
	Info  string // of BGP: Established, Active, Connect, ... ; empty when it was switched off
}

// Status asks for the status and the protocols.
func (b *Bird) Status(outer, asked context.Context, socket string) (BirdStatus, error) {
	conn, err := dialSocket(asked, b.paths.At(socket))
	if err != nil {
		return BirdStatus{}, observed(outer, err)
	}
	defer conn.Close() //nolint:errcheck // read to its end or given up
	status, err := talk(conn)
	return status, observed(outer, err)
}

var errBird = errors.New("it does not speak BIRD's protocol")

// talk waits for the greeting and gives one command after the other.
func talk(conn io.ReadWriter) (BirdStatus, error) {
	in := bufio.NewReader(conn)
	if err := readBird(in, func(string, string) {}); err != nil {
		return BirdStatus{}, err
	}
	var status BirdStatus
	for _, c := range []struct {
		command string
		line    func(code, text string)
	}{
		{"show status\n", func(code, _ string) { status.IsRecovering = status.IsRecovering || code == "0024" }},
		{"show protocols\n", func(code, text string) {
			if p, isProtocol := readProtocol(text); code == "1002" && isProtocol {
				status.Protocols = append(status.Protocols, p)
			}
		}},
	} {
		if _, err := io.WriteString(conn, c.command); err != nil {
			return BirdStatus{}, err
		}
		if err := readBird(in, c.line); err != nil {
			return BirdStatus{}, err
		}
	}
	return status, nil
}

// readBird reads one answer:
//
//	1002-text    a line with its code; more follow
//	 text        one more with the code of the line before
//	+text        something for a person who watches
//	0000 text    the last line; codes from 8000 on are errors
func readBird(in *bufio.Reader, each func(code, text string)) error {
	code := ""
	for range maxBirdLines {
		raw, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("%w: a line of more than %d bytes", errBird, in.Size())
		}
		if err != nil {
			return err
		}
		line := strings.TrimRight(string(raw), "\r\n")
		switch {
		case strings.HasPrefix(line, "+"):
		case strings.HasPrefix(line, " ") && code != "":
			each(code, line[1:])
		case len(line) < 5 || !isCode(line[:4]) || (line[4] != ' ' && line[4] != '-'):
			return fmt.Errorf("%w: %.60q", errBird, line)
		case line[4] == '-':
			code = line[:4]
			each(code, line[5:])
		case line[0] >= '8':
			return fmt.Errorf("it answers: %s", line)
		default:
			each(line[:4], line[5:])
			return nil
		}
	}
	return fmt.Errorf("%w: an answer of more than %d lines", errBird, maxBirdLines)
}

func isCode(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// readProtocol reads a line of the table: name, protocol, table, state, since when, and what the protocol says. The time
// is one word or two, and each begins with a digit.
func readProtocol(line string) (BirdProtocol, bool) {
	words := strings.Fields(line)
	if len(words) < 4 {
		return BirdProtocol{}, false
	}
	p := BirdProtocol{Name: words[0], Kind: words[1], State: words[3]}
	rest := words[4:]
	for len(rest) > 0 && rest[0][0] >= '0' && rest[0][0] <= '9' {
		rest = rest[1:]
	}
	p.Info = strings.Join(rest, " ")
	return p, true
}
