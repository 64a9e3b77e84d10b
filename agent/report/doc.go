// Package report tells the cluster what this node's checks believe, and that the agent lives.
//
// Guarantees: the status is written when it changes and otherwise not; a refresh every few minutes repeats it, which
// the API server recognises as no change and does not store. A beat vouches for one sequence of the status. After a
// change the status is written first and a beat with its sequence follows at once, so that a controller that hears the
// beat finds the status it vouches for. While a write fails, beats carry the new sequence all the same: what the API
// still shows is no longer what we believe, and must not be vouched for. The verdict is kept and written when a beat
// gets through again.
//
// A sequence starts at the milliseconds of the clock when the agent starts and grows by one with every change: one that
// was restarted never vouches for what its predecessor wrote, even before it has written anything itself. Nothing else
// is derived from its value.
//
// Expected use: one Report per agent, run in one group with the checks' Runner. Test against it with
// heartbeattest.Memory and a Writer of a few lines, in a synctest bubble.
package report
