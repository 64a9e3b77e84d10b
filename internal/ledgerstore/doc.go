// Package ledgerstore keeps the protection lock's ledger across restarts and leaders.
//
// Guarantees: Save is a compare-and-swap on what Load returned, so of two writers one gets ErrChanged; Load is a
// consistent read, never from a cache; an end of a window that was saved comes back at the same moment or later, never
// earlier, whatever the clocks of controllers do in between.
//
// API keeps it in the IsolationLedger object called cluster, with times by the API server's clock. Memory is its twin
// for tests. Both pass ledgerstoretest.Run.
package ledgerstore
