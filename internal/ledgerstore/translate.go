package ledgerstore

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// ledger reads the object. The length of a window is what lies between its two ends in the object.
func (t *times) ledger(o *v1alpha1.IsolationLedger, m moment) protect.Ledger {
	l := protect.Ledger{Epoch: o.Epoch, Leader: o.Leader, Issued: o.Issued}
	for _, p := range o.Permits {
		length := max(p.Until.Sub(p.Spent.Time), 0)
		ends := t.end("permit/"+p.ID, p.Until, length, m)
		spent, known := t.local[stamp{"spent/" + p.ID, p.Spent.Unix()}]
		if !known {
			spent = ends.Add(-length)
		}
		t.remember("spent/"+p.ID, spent, p.Spent)
		l.Permits = append(l.Permits, protect.Permit{
			ID: p.ID, Node: p.Node, UID: string(p.UID), Zone: p.Zone, Reason: p.Reason,
			Spent: spent, Ends: ends, Cancelled: p.Cancelled, ByHand: p.ByHand,
		})
	}
	for _, i := range o.Intents {
		l.Intents = append(l.Intents, protect.Intent{
			Permit: i.Permit, Node: i.Node, UID: string(i.UID), Zone: i.Zone, BootID: i.BootID, Action: i.Action,
			Reason: i.Reason, Evidence: i.Evidence, Epoch: i.Epoch, Recorded: t.since("intent/"+i.Permit, i.Recorded, m),
		})
	}
	for _, i := range o.Isolations {
		iso := protect.Isolation{
			UID: string(i.UID), Node: i.Node, Zone: i.Zone, BootID: i.BootID, Action: i.Action, Reason: i.Reason,
			Permit: i.Permit, Since: t.since("isolation/"+string(i.UID), i.Since, m), Releasing: i.Releasing,
		}
		if i.ReleasedByHandUntil != nil {
			iso.HandUntil = t.end("hand/"+string(i.UID), *i.ReleasedByHandUntil, i.ReleasedByHandUntil.Sub(i.Since.Time), m)
		}
		l.Isolations = append(l.Isolations, iso)
	}
	for _, h := range o.History {
		id := "history/" + h.Node + "/" + h.BootID
		at, known := t.local[stamp{id, h.At.Unix()}]
		if !known {
			forgotten := t.ends.Local(id, h.At.Add(protect.HistoryFor), protect.HistoryFor, m.server, m.local)
			at = forgotten.Add(-protect.HistoryFor)
		}
		t.remember(id, at, h.At)
		l.History = append(l.History, protect.Past{Node: h.Node, BootID: h.BootID, At: at})
	}
	t.forgetUnused()
	return l
}

// object writes the ledger down.
func (t *times) object(l protect.Ledger, m moment) *v1alpha1.IsolationLedger {
	o := &v1alpha1.IsolationLedger{Epoch: l.Epoch, Leader: l.Leader, Issued: l.Issued}
	for _, p := range l.Permits {
		o.Permits = append(o.Permits, v1alpha1.LedgerPermit{
			ID: p.ID, Node: p.Node, UID: types.UID(p.UID), Zone: p.Zone, Reason: p.Reason,
			Spent:     t.toWall("spent/"+p.ID, p.Spent, m, 0),
			Until:     t.toWall("permit/"+p.ID, p.Ends, m, rounding),
			Cancelled: p.Cancelled, ByHand: p.ByHand,
		})
	}
	for _, i := range l.Intents {
		o.Intents = append(o.Intents, v1alpha1.LedgerIntent{
			Permit: i.Permit, Node: i.Node, UID: types.UID(i.UID), Zone: i.Zone, BootID: i.BootID, Action: i.Action,
			Reason: i.Reason, Evidence: i.Evidence, Epoch: i.Epoch, Recorded: t.toWall("intent/"+i.Permit, i.Recorded, m, 0),
		})
	}
	for _, i := range l.Isolations {
		iso := v1alpha1.LedgerIsolation{
			UID: types.UID(i.UID), Node: i.Node, Zone: i.Zone, BootID: i.BootID, Action: i.Action, Reason: i.Reason,
			Permit: i.Permit, Since: t.toWall("isolation/"+i.UID, i.Since, m, 0), Releasing: i.Releasing,
		}
		if !i.InForce() {
			until := t.toWall("hand/"+i.UID, i.HandUntil, m, rounding)
			iso.ReleasedByHandUntil = &until
		}
		o.Isolations = append(o.Isolations, iso)
	}
	for _, h := range l.History {
		at := t.toWall("history/"+h.Node+"/"+h.BootID, h.At, m, 0)
		o.History = append(o.History, v1alpha1.LedgerHistory{Node: h.Node, BootID: h.BootID, At: at})
	}
	t.forgetUnused()
	return o
}
