// Package process starts programs that outlive the command and finds them again
// without ever mistaking another process for one of them.
//
// A number from an old file may belong to somebody else by now, so a process is
// remembered with the tick it started at and the boot of the machine, and is
// signalled through a pidfd that was compared with both. A zombie counts as
// ended: on machines whose first process does not reap, it may stay for ever.
package process
