// Package build makes everything a cluster runs: it installs the machine's
// packages, compiles Kubernetes and the container tools from Go modules, and
// packs the images that every node has.
//
// What was compiled is kept outside of the clone, in one folder for each
// component and key. The key is a hash over everything the result depends on, so
// a folder that is there is right and a fresh clone on a warm machine has nothing
// to do.
package build
