package daemon

// A Memory is what a probe keeps from one look to the next. It is a value: after returns the next one.
type Memory struct {
	Seen           bool   // there was once such a daemon on this node
	GoodInvocation string // of the unit, at the last good look
	Restarts       uint32 // how often it was restarted while we looked, by whomever

	unasked    int    // looks in a row, before this one, in which systemd could not be asked
	invocation string // of the unit, at the last look
	base       uint32 // systemd's own count of restarts when that invocation was first seen
	counted    uint32 // restarts beyond base that are in Restarts already
}

// after is the memory once o was judged; well says that nothing was found wrong.
func (m Memory) after(o Observation, s Subject, well bool) Memory {
	m.Seen = m.Seen || o.exists(s)
	m.unasked++
	if o.Unit.Testimony != CannotTell {
		m.unasked = 0
	}
	if o.Unit.Testimony != Spoke || o.Unit.InvocationID == "" {
		return m
	}
	if well {
		m.GoodInvocation = o.Unit.InvocationID
	}
	return m.countRestarts(o.Unit)
}

// countRestarts counts every start after the first: systemd's own count tells of several between two looks, a changed
// invocation tells of those that a person asked for. systemd may raise its count one look before the invocation changes,
// and sets it back when a person starts the unit.
func (m Memory) countRestarts(u Unit) Memory {
	if m.invocation == "" {
		m.invocation, m.base = u.InvocationID, u.Restarts
		return m
	}
	var due uint32
	if u.Unit.Restarts > m.base {
		due = u.Unit.Restarts - m.base
	}
	isNew := u.InvocationID != m.invocation
	if isNew {
		due = max(due, 1)
	}
	if due > m.counted {
		m.Restarts += due - m.counted
		m.counted = due
	}
	if isNew {
		m.invocation, m.base, m.counted = u.InvocationID, u.Unit.Restarts, 0
	}
	return m
}
