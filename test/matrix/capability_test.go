//go:build matrix

package matrix

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// needs are the checks that declare each capability; agent/needs_test.go says that these are all.
var needs = map[string][]string{
	"NET_ADMIN":    {"netfilter"},
	"DAC_OVERRIDE": {"ovs"},
}

// TestCapabilities takes the agent's capabilities away one at a time: exactly the checks that declare it can no longer
// tell, and say what is missing.
func TestCapabilities(t *testing.T) {
	const node = "n4"
	// Open vSwitch as distributions run it that give it a user of its own.
	theLab.bash(t.Context(), t, node, "chown nobody /run/openvswitch/*.ctl /run/openvswitch/db.sock; chmod 600 /run/openvswitch/*.ctl /run/openvswitch/db.sock")
	t.Cleanup(func() {
		_, err := theLab.bed.Exec(context.WithoutCancel(t.Context()), node, "bash", "-c", "chown root /run/openvswitch/*.ctl /run/openvswitch/db.sock")
		require.NoError(t, err)
	})
	for name, row := range theLab.once(t, node, "NET_ADMIN", "DAC_OVERRIDE") {
		require.Contains(t, []string{"Healthy", "NotApplicable"}, row.state, "%s: %s", name, row.text)
	}
	for taken, checks := range needs {
		t.Run(taken, func(t *testing.T) {
			var left []string
			for other := range needs {
				if other != taken {
					left = append(left, other)
				}
			}
			var unknown []string
			for name, row := range theLab.once(t, node, left...) {
				if row.state == "Unknown" {
					unknown = append(unknown, name)
					require.Contains(t, row.text, taken)
					continue
				}
				require.Contains(t, []string{"Healthy", "NotApplicable"}, row.state, "%s: %s", name, row.text)
			}
			require.ElementsMatch(t, checks, unknown)
		})
	}
}

// onceRow is a line of what `bulkhead-agent --once` prints.
type onceRow struct{ state, text string }

// once runs the agent on a node with these capabilities and no others.
func (l *lab) once(t *testing.T, node string, capabilities ...string) map[string]onceRow {
	t.Helper()
	bounding := "CapabilityBoundingSet=" + strings.Join(prefixed("CAP_", capabilities), " ")
	out, err := l.bed.Exec(t.Context(), node, "bash", "-c", "systemd-run --quiet --pipe --wait --property='"+bounding+"' "+
		"/opt/bulkhead/bulkhead-agent --config=/opt/bulkhead/agent.yaml --once || true")
	require.NoError(t, err)
	rows := map[string]onceRow{}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
		if fields := strings.Fields(line); len(fields) > 1 {
			rows[fields[0]] = onceRow{state: fields[1], text: line}
		}
	}
	require.Greater(t, len(rows), 10, out)
	return rows
}

func prefixed(prefix string, words []string) []string {
	out := make([]string, len(words))
	for i, word := range words {
		out[i] = prefix + word
	}
	return out
}
