// Package publish shows what is known, decided and withheld, and makes the objects it is shown in.
//
//	Publisher   writes NodeHealth status, all but status.agent, and the status of policies
//	Maker       makes each Node's NodeHealth and heartbeat Lease, asks for the beat period, makes the default policy
//
// Guarantees: publishing never holds up a pass: it takes the newest and forgets what it did not get to; a status is
// written when something in it changed that people act on, at once, and else as a slow copy, each node at most every
// 30 s and at most 20 a second in all; what an agent wrote is left alone.
//
// Both run on the leader only.
package publish
