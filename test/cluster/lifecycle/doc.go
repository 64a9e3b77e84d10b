// Package lifecycle brings the cluster up and takes it down.
//
// Down relies on names and on what the kernel knows, and on files only in
// addition, so it works after a crash in the middle of Up, after a reboot, and
// for a cluster of another clone.
package lifecycle
