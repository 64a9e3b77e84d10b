package node

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/bulkhead-dev/bulkhead/test/cluster/image"
	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

//go:embed files
var files embed.FS

// values fill the placeholders of files/root.
type values struct {
	Name, Zone, IP        string
	NodefsSize            string
	ControlPlaneIP        string
	PodCIDR, NodePodCIDR  string
	Kube, NodeTools, Path string
	PauseImage            string
	ImageTars             []string
}

// render writes the node's own files to a folder that node-init copies over the
// root file system: files/root with its placeholders filled in, and credentials.
func (s Spec) render() error {
	tars, err := filepath.Glob(filepath.Join(s.Binaries.Images, "*.tar"))
	if err != nil {
		return fmt.Errorf("listing images: %w", err)
	}
	v := values{
		Name: s.Node.Name, Zone: s.Node.Zone, IP: network.NodeIP(s.Node.Number),
		NodefsSize:     s.Node.NodefsSize,
		ControlPlaneIP: network.ControlPlaneIP,
		PodCIDR:        network.PodCIDR, NodePodCIDR: network.NodePodCIDR(s.Node.Number),
		Kube: kubeDir, NodeTools: nodeToolsDir, Path: Path,
		PauseImage: image.Pause,
	}
	for _, tar := range tars {
		v.ImageTars = append(v.ImageTars, filepath.Join(imagesDir, filepath.Base(tar)))
	}
	rendered, err := renderAll(v)
	if err != nil {
		return err
	}
	for name, text := range rendered {
		if err := state.WriteFile(s.path("files", name), text, 0o644); err != nil {
			return err
		}
	}
	return s.copyCredentials()
}

func renderAll(v values) (map[string][]byte, error) {
	const root = "files/root"
	rendered := map[string][]byte{}
	err := fs.WalkDir(files, root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		parsed, err := template.New(path).Option("missingkey=error").Parse(string(text))
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := parsed.Execute(&out, v); err != nil {
			return err
		}
		rendered[strings.TrimPrefix(path, root)] = out.Bytes()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("rendering files of node %s: %w", v.Name, err)
	}
	return rendered, nil
}

func (s Spec) copyCredentials() error {
	for from, to := range map[string]string{
		"ca.crt":                              "ca.crt",
		"node-" + s.Node.Name + ".kubeconfig": "kubelet.kubeconfig",
		"kube-proxy.kubeconfig":               "kube-proxy.kubeconfig",
	} {
		data, err := os.ReadFile(s.Dir.PKI(from))
		if err != nil {
			return fmt.Errorf("copying credentials: %w", err)
		}
		if err := state.WriteFile(s.path("files/etc/kubernetes", to), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// entries reads one of the lists under files: one entry on each line.
func entries(name string) []string {
	text, err := files.ReadFile("files/" + name)
	if err != nil {
		panic(err) // it is compiled in
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}
