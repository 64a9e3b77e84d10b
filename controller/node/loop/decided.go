package loop

import (
	"context"
	"log/slog"
	"time"

	"github.com/bulkhead-dev/bulkhead/controller/node/census"
	"github.com/bulkhead-dev/bulkhead/controller/node/decision"
)

// decided writes the decision log: one line per decision, with everything it rests on, so that it can be understood,
// and decided again, without the cluster. Times are ages: our clock means nothing to others.
func (l *Loop) decided(what string, view census.View, plan decision.Plan, a decision.Action, more ...slog.Attr) {
	now := time.Now()
	line := []slog.Attr{
		slog.String("decision", what), slog.String("node", a.Node), slog.String("uid", a.UID),
		slog.String("rung", string(a.Rung)), slog.String("reason", string(a.Reason)), slog.String("message", a.Message),
		slog.String("permit", a.Permit), slog.String("evidence", a.Evidence), slog.Bool("byHand", a.ByHand), slog.String("policy", a.Policy),
		slog.Int64("epoch", l.ledger.current.Epoch), slog.Int("permits", len(l.ledger.current.Permits)),
	}
	line = append(line, more...)
	for _, n := range view.Nodes {
		if n.UID == a.UID {
			line = append(line, inputs(n, now))
		}
	}
	if plan.Census.Nodes > 0 {
		c := plan.Census
		line = append(line, slog.Group("cluster", "nodes", c.Nodes, "suspects", c.Suspects, "unavailable", c.Unavailable, "reliable", c.Reliable,
			"blind", plan.Condition.Blind, "correlated", plan.Condition.Correlated))
	}
	l.o.Log.LogAttrs(context.Background(), slog.LevelInfo, "decided", line...)
}

// inputs are what was known of the node.
func inputs(n decision.Node, now time.Time) slog.Attr {
	failing := []string{}
	for _, c := range n.Report.Checks {
		if c.State != "Healthy" {
			failing = append(failing, c.Name+"="+string(c.State))
		}
	}
	lock := ""
	if n.Lock != nil {
		lock = n.Lock.Name
	}
	return slog.Group("inputs",
		"zone", n.Zone, "controlPlane", n.ControlPlane, "schedulable", n.Schedulable, "unavailable", n.Unavailable,
		"departing", n.Departing, "ownTaint", n.OwnTaint, "intent", n.Intent, "lock", lock,
		"beatAge", age(n.Beat.At, now), "promise", n.Beat.Next, "mark", n.Beat.Mark, "bootId", n.Beat.BootID,
		"beatSequence", n.Beat.Sequence, "reportSequence", n.Report.Sequence, "checks", failing,
		"dialAge", age(n.Witness.Dialed, now), "answerAge", age(n.Witness.Answered, now), "calibrated", n.Witness.Calibrated,
		"kubeletAge", age(n.Witness.KubeletRenewed, now),
	)
}

func age(at, now time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return now.Sub(at).Round(time.Millisecond).String()
}
