// Package state says where the test cluster keeps its files and what it
// remembers between two calls of the command.
//
// There is one cluster per machine and one folder for it, whatever clone of the
// repository started it, so that `cluster down` also clears away what a crashed
// run or a deleted clone left behind. Nothing that is needed to stop the cluster
// is kept here only: network namespaces, mounts and control groups are found by
// their names.
package state
