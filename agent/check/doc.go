// Package check holds what every check shares: how a subsystem is looked at, how several looks become a belief, and the
// runner that times, repeats and believes.
//
// A Probe looks once. A Check is a probe and the policy for believing it. A Belief folds looks into a state and is pure:
// its only clock is Look.At. A Runner runs every check in a loop of its own, so that one that hangs delays no other, and
// shows what is believed with Snapshot. Once is one look at everything, for people.
//
// # What one look does to what is believed
//
// In a row means: with no good look in between, and counted once per interval however many looks events cause. The
// numbers are the check's FailAfter, OKAfter and Dwell.
//
//	believed        good look             failure               restarting            could not tell
//	not looked yet  Healthy               Failing               Restarting            Unknown
//	Healthy         stays                 Failing               Restarting            Unknown after FailAfter in a row
//	Failing         Healthy               Unhealthy after       Restarting            Unknown after FailAfter in a row
//	                                      FailAfter in a row
//	Restarting      Healthy               Unhealthy after       Unhealthy after       Unknown after FailAfter in a row
//	                                      FailAfter in a row,   grace
//	                                      or grace over
//	Unhealthy       Healthy after OKAfter stays                 stays                 stays
//	                in a row and Dwell
//	Unknown         Healthy               Failing               Restarting            stays
//
// and beside the table:
//
//   - Failing is for people, for what depends on the check, and for a policy that acts on failures confirmed fast: an
//     event was followed by looks at each moment of Confirm, and all of them failed. Nothing else acts on Failing.
//   - A failure that is no more than an answer which has not come in time (Finding.Slow) is shown of a Healthy check when the
//     next look fails too. It counts from the first.
//   - A look that could not tell counts neither as a failure nor as a success. It does not break a row of failures: a
//     probe that fails every other call would hide a dead daemon. It does break a row of good looks. Once Unknown is
//     believed the failures before it are forgotten, so old evidence is never added to new.
//   - Not knowing never leads to Unhealthy and never leads out of it.
//   - Grace is counted from the first restarting look since the last good one, and bounded by MaxGrace. It is over only
//     when at least FailAfter looks saw the subject in that time, so an agent that was itself asleep blames nobody.
//   - RestartLoopCount restarts within RestartLoopWindow are a fault, RestartLoop, at once and even when the daemon
//     answers. A restart is the start of a restarting spell (but out of Unknown, where it may be a first start), or an
//     increment of Look.Restarts; of a spell and the increment that belongs to it, whichever comes second is not counted.
//     While Unhealthy, each further one begins Dwell anew.
//   - A failure is explained by a failing check that it depends on, and goes on being explained when that one is well
//     again, until FailAfter intervals later a look fails still: what depends on another recovers after it.
//   - A restart does not lead out of Unhealthy: that takes good looks, so nothing is released for a daemon that tries.
//   - What does not apply is looked for every AbsentEvery after ten looks, and whenever its watch tells of something.
//   - Not applicable is believed at once of a subject never seen, and stays so while it cannot be asked: on a node without
//     dockerd a dead systemd says nothing about dockerd. A subject seen and no longer found could not be told.
//   - Reason and message are those of the look that led into the state. A different headline replaces them after
//     FailAfter looks in a row, so that two alternating messages do not write to the API every second.
//
// A daemon that flaps slower than the restart window is not classed yet: it is Unhealthy and Healthy by turns, at most
// once per Dwell.
//
// # Testing against it
//
// Probes are one method; the runner is tested in testing/synctest bubbles with ordinary time.
package check
