// Package loop decides again and again: read, decide, remember, act.
//
// One pass, in this order:
//
//  1. read     the census' snapshot and the ledger as we last saved it
//  2. decide   decision.Decide, which is pure
//  3. remember save the ledger by compare-and-swap, if the plan changed it
//  4. show     statuses, events, metrics, the decision log; none of it waits
//  5. act      releases; then isolations, each after everything it rests on was read again
//
// Guarantees:
//
//   - No isolation without a saved ledger: when step 3 fails, only releases are carried out.
//   - No isolation by an old leader: before each the ledger is read again, and its epoch must still be ours.
//   - What changed between deciding and acting cancels the intent, visibly; its permit stays spent.
//   - An intent is done when the taint was seen, not when a patch returned.
//
// The next pass begins when the census, a dial or an eviction says that something changed, or at Plan.NextCheck, and at
// least minPause after the last. A pass that cannot end within its deadlines is told by Healthy.
package loop
