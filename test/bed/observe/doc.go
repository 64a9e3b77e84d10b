// Package observe watches a cluster and says when something became true.
//
// A View holds the newest state of the objects a test asks about, from watches, and judges a condition at each change:
// so a moment is measured to a few milliseconds and something that was there for an instant only is not missed, which
// polling would promise neither of.
//
//	view.Until(ctx, "the taint", func(s observe.State) error { ... })   when the condition first held
//	view.Always(ctx, 8*time.Second, func(s observe.State) error { ... }) an error as soon as it fails
//
// Conditions say by an error what is still missing; it is what a failure reports.
package observe
