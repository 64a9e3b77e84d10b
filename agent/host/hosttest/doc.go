// Package hosttest holds small machines for tests: a systemd that speaks D-Bus on a socket, a container runtime that
// serves the CRI, a process table in a directory, and sockets that accept and never answer.
package hosttest
