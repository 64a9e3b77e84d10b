package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Variable overrides DefaultDir.
const Variable = "BULKHEAD_CLUSTER_STATE"

// DefaultDir is below /var/tmp because etcd, containerd and the kubelets keep
// data there that does not fit a /tmp in memory.
const DefaultDir = "/var/tmp/bulkhead-cluster"

// Dir is the folder that holds everything a cluster writes.
type Dir string

// FromEnvironment returns the folder of this machine's cluster.
func FromEnvironment() (Dir, error) {
	path := os.Getenv(Variable)
	if path == "" {
		path = DefaultDir
	}
	if !filepath.IsAbs(path) || filepath.Clean(path) == "/" {
		return "", fmt.Errorf("%s=%q: name a folder by its absolute path", Variable, path)
	}
	return Dir(filepath.Clean(path)), nil
}

// Path joins names below the folder.
func (d Dir) Path(names ...string) string {
	return filepath.Join(append([]string{string(d)}, names...)...)
}

// ControlPlane holds etcd's data, certificates and kubeconfigs of the control plane.
func (d Dir) ControlPlane(names ...string) string {
	return d.Path(append([]string{"control-plane"}, names...)...)
}

// PKI holds the certificate authorities and everything they signed.
func (d Dir) PKI(names ...string) string {
	return d.Path(append([]string{"pki"}, names...)...)
}

// Logs holds one file per process that runs outside the nodes.
func (d Dir) Logs(names ...string) string {
	return d.Path(append([]string{"log"}, names...)...)
}

// Node holds what belongs to one node.
func (d Dir) Node(node string, names ...string) string {
	return d.Path(append([]string{"nodes", node}, names...)...)
}

// AdminKubeconfig is the kubeconfig of a member of system:masters.
func (d Dir) AdminKubeconfig() string {
	return d.PKI("admin.kubeconfig")
}

// owned lists what Clear removes. The folder itself may hold files of the
// user's, so it is never removed as a whole.
var owned = []string{"cluster.json", "processes", "control-plane", "pki", "log", "nodes", InotifyRecord}

// InotifyRecord is the file that remembers a setting of the machine.
const InotifyRecord = "inotify.json"

// Clear removes what the cluster wrote. Call it only once nothing below the
// folder is mounted any more.
func (d Dir) Clear() error {
	var errs []error
	for _, name := range owned {
		errs = append(errs, os.RemoveAll(d.Path(name)))
	}
	return errors.Join(errs...)
}
