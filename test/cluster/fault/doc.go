// Package fault does harm to nodes, for tests, demonstrations and benchmarks.
//
// Every verb does one thing and says when it did it: Event's
// Injected is the time just before the system call or the command that does the
// harm. Effects never come before it, so a latency measured from it is never too
// short; for verbs that go through systemctl it is a few milliseconds too long.
package fault
