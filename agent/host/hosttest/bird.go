package hosttest

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// A Bird is a BIRD that tells its status and its protocols.
type Bird struct {
	mu     sync.Mutex // guards everything below
	status host.BirdStatus
}

// StartBird serves on a socket of the machine.
func StartBird(t testing.TB, paths host.Paths, socket string) *Bird {
	t.Helper()
	b := &Bird{}
	serve(t, paths, socket, b.answer)
	return b
}

// Say sets what it tells.
func (b *Bird) Say(s host.BirdStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status = s
}

func (b *Bird) answer(conn io.ReadWriter) {
	_, _ = io.WriteString(conn, "0001 BIRD 2.0.12 ready.\n")
	commands := bufio.NewScanner(conn)
	for commands.Scan() {
		answer := b.showStatus()
		if commands.Text() == "show protocols" {
			answer = b.showProtocols()
		}
		_, _ = io.WriteString(conn, answer)
	}
}

func (b *Bird) showStatus() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	answer := "1000-BIRD 2.0.12\n1011-Router ID is 10.0.0.1\n Hostname is n1\n"
	if b.status.IsRecovering {
		answer += "0024-Graceful restart recovery in progress\n   Wait timer is 215/240\n"
	}
	return answer + "0013 Daemon is up and running\n"
}

func (b *Bird) showProtocols() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var answer strings.Builder
	answer.WriteString("2002-Name       Proto      Table      State  Since         Info\n")
	start := "1002-"
	for _, p := range b.status.Protocols {
		fmt.Fprintf(&answer, "%s%-10s %-10s ---        %-6s 12:00:00.123  %s\n", start, p.Name, p.Kind, p.State, p.Info)
		start = " "
	}
	answer.WriteString("0000 \n")
	return answer.String()
}
