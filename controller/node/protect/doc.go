// Package protect is the global protection lock: a budget of permits, the brakes that hold an isolation back, and the
// ledger that remembers both across restarts and leaders.
//
// Guarantees:
//
//   - Everything here is pure: no client, no clock, no logger. Equal arguments give equal answers; now is an argument.
//   - An isolation needs a positive permit. What is missing, unreadable or undecidable is closed.
//   - At most Limits.MaxIsolated of the nodes are isolated at once and within a window, whoever the writers are, because
//     every permit is written by compare-and-swap into the one ledger before anything is done.
//   - An epoch never decreases, and only the epoch that recorded or adopted an intent may carry it out.
//   - A release asks nobody: nothing here can hold one back.
//
// Expected use: count the nodes with Count, ask Gate about one candidate at a time, and fold the answer into the ledger
// with Record before asking about the next. Save the ledger, then act. DESIGN.md draws the states.
//
// To test against the package, build a Ledger by its transitions; they keep its invariants.
package protect
