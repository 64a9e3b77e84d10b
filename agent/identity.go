package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/bulkhead-dev/bulkhead/agent/host"
)

// newHolder names this process: two agents of one node, or one agent before and after a restart, differ.
func newHolder(node string) string { return node + "/" + rand.String(8) }

// bootID is the kernel's, so that a controller tells a reboot from a pause.
func bootID(paths host.Paths) (string, error) {
	id, err := os.ReadFile(paths.At("/proc/sys/kernel/random/boot_id"))
	if err != nil {
		return "", fmt.Errorf("reading the boot ID: %w; check that hostRoot is where the host's files are", err)
	}
	return strings.TrimSpace(string(id)), nil
}

// nodeUID is the UID of the Node our pod is bound to, from the pod's own token: the API server put it there, and no
// request is needed. Empty outside a pod and for clusters older than 1.33, whose tokens do not say. The token is not
// verified; it is our own.
func nodeUID(tokenFile string) types.UID {
	if tokenFile == "" {
		return ""
	}
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return ""
	}
	parts := strings.Split(string(token), ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Kubernetes struct {
			Node struct {
				UID types.UID `json:"uid"`
			} `json:"node"`
		} `json:"kubernetes.io"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.Kubernetes.Node.UID
}

// dialable is where the controller finds our health server. An unspecified host becomes the machine's address: HOST_IP,
// which a DaemonSet sets, else our end of the connection to the API server. Empty if there is nothing to dial; the
// controller then tries the Node's own address and the usual port.
func dialable(listening string, local netip.Addr) string {
	host, port, err := net.SplitHostPort(listening)
	if err != nil {
		return ""
	}
	address, err := netip.ParseAddr(host)
	switch {
	case host != "" && err != nil: // a name
		return listening
	case host != "" && !address.IsUnspecified():
		local = address
	case os.Getenv("HOST_IP") != "":
		return net.JoinHostPort(os.Getenv("HOST_IP"), port)
	}
	if !local.IsValid() || local.IsLoopback() {
		return ""
	}
	return net.JoinHostPort(local.String(), port)
}
