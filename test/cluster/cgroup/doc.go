// Package cgroup gives every node a control group of its own in each hierarchy
// of the machine, /bulkhead-test/NODE, which the node sees as the root.
//
// The machine's own mounts and groups are only read. The kubelet of a node works
// with cgroup v1 controllers, since those can be delegated to a namespace
// without rearranging the machine's groups; the unified hierarchy, which has no
// controllers then, is passed on for systemd and for pressure files.
package cgroup
