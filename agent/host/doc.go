// Package host holds the doors to the machine: its processes, its systemd, and the daemons behind its sockets.
//
// A door touches the machine and concludes nothing. Guarantees: no call outlasts its context; nothing is executed and no
// process is started; a connection is never trusted to be alive because it was alive before (a frozen daemon must not
// hide behind a cached connection); whatever breaks is dialled again at the next call.
//
// In a pod the host's files are mounted somewhere else: every path goes through Paths.
//
// Tests use package hosttest: a systemd that speaks D-Bus on a socket, a CRI server, a process table in a directory.
package host
