// Package node makes machines: namespaces with a root file system, a systemd as
// PID 1, containerd, kubelet and kube-proxy, on top of the real machine's files.
//
// A node boots in two processes' time:
//
//  1. Boot renders the node's files and starts `cluster node-init` in new mount,
//     PID, UTS and IPC namespaces and in the node's network namespace.
//  2. Init, in that process, joins the node's control groups, builds the root
//     file system and becomes systemd.
//
// The machine's / is the lower layer of the root file system and a tmpfs the
// upper one, so a node has every program of the machine and changes none of its
// files. /var/lib/kubelet and /var/lib/containerd outlive a power-off.
//
// Devices, clock, kernel log, /proc/stat and /proc/meminfo are the machine's,
// shared by all nodes; boot ID, machine ID and host name are the node's own.
package node
