package runtime

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"sigs.k8s.io/yaml"
)

const (
	// kubeletDefault is what a kubelet uses that is told nothing, since 1.27.
	kubeletDefault = "/run/containerd/containerd.sock"
	k3sDefault     = "/run/k3s/containerd/containerd.sock"
	k3sDocker      = "/run/k3s/cri-dockerd/cri-dockerd.sock"
	k3sConfig      = "etc/rancher/k3s/config.yaml"
	// maxConfig is more than any kubelet's configuration.
	maxConfig = 1 << 20
)

// errGuess goes with an endpoint that the program uses unless it was told otherwise where we cannot read.
var errGuess = errors.New("a default that its command line may have changed")

// endpointOf says which socket a kubelet, or a program that is one among other things, uses for its runtime. files is the
// host's root.
//
//	its command line                 we conclude
//	--container-runtime-endpoint     that
//	--config, --config-dir           containerRuntimeEndpoint there, the last of them
//	neither says anything            the kubelet's default; without any of these flags that is a guess
//	k3s, which hides its flags       container-runtime-endpoint of its configuration file, or, as a guess, its own
//	kubelite, with a file of flags   as the flags in it say
func endpointOf(args []string, files fs.FS) (string, error) {
	if len(args) == 0 {
		return "", errors.New("it has no command line")
	}
	program, _, _ := strings.Cut(path.Base(args[0]), " ")
	switch program {
	case "k3s", "k3s-server", "k3s-agent":
		return k3sEndpoint(args, files)
	case "kubelite":
		return kubeliteEndpoint(args, files)
	default:
		return kubeletEndpoint(args, files)
	}
}

func kubeletEndpoint(args []string, files fs.FS) (string, error) {
	if told, is := flag(args, "container-runtime-endpoint"); is {
		return socketOf(told)
	}
	file, hasFile := flag(args, "config")
	folder, hasFolder := flag(args, "config-dir")
	if !hasFile && !hasFolder {
		return kubeletDefault, errGuess
	}
	var endpoint string
	if hasFile {
		found, err := readEndpoint(files, file)
		if err != nil {
			return "", err
		}
		endpoint = found
	}
	if hasFolder {
		found, err := readFolder(files, folder)
		if err != nil {
			return "", err
		}
		endpoint = cmp.Or(found, endpoint)
	}
	return socketOf(cmp.Or(endpoint, kubeletDefault))
}

// flag finds the last --name=value or --name value.
func flag(args []string, name string) (value string, is bool) {
	for i, arg := range args {
		if arg == "--"+name && i+1 < len(args) {
			value, is = args[i+1], true
		}
		if after, found := strings.CutPrefix(arg, "--"+name+"="); found {
			value, is = after, true
		}
	}
	return value, is
}

// readEndpoint reads a kubelet's configuration file, YAML or JSON, and takes one field.
func readEndpoint(files fs.FS, file string) (string, error) {
	raw, err := read(files, file)
	if err != nil {
		return "", err
	}
	var config struct {
		Endpoint string `json:"containerRuntimeEndpoint"`
	}
	if err := yaml.Unmarshal(raw, &config); err != nil {
		return "", fmt.Errorf("reading %s: %w", file, err)
	}
	return config.Endpoint, nil
}

// readFolder reads the drop-ins of a folder and below it, in the order of their names: the last that says it counts.
func readFolder(files fs.FS, folder string) (string, error) {
	if !path.IsAbs(folder) {
		return "", errRelative(folder)
	}
	var endpoint string
	err := fs.WalkDir(files, inside(folder), func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(file) != ".conf" {
			return err
		}
		found, err := readEndpoint(files, "/"+file)
		endpoint = cmp.Or(found, endpoint)
		return err
	})
	return endpoint, err
}

func read(files fs.FS, file string) ([]byte, error) {
	if !path.IsAbs(file) {
		return nil, errRelative(file)
	}
	info, err := fs.Stat(files, inside(file))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxConfig {
		return nil, fmt.Errorf("%s is not a configuration file", file)
	}
	return fs.ReadFile(files, inside(file))
}

// errRelative: whose current directory that is takes a privilege to know.
func errRelative(file string) error {
	return fmt.Errorf("%s is relative to a folder we do not know", file)
}

// inside is an absolute path as fs.FS wants it.
func inside(file string) string { return cmp.Or(strings.TrimPrefix(path.Clean(file), "/"), ".") }

// k3sEndpoint: a k3s overwrites its command line with "k3s server", so that only its file can be believed.
func k3sEndpoint(args []string, files fs.FS) (string, error) {
	if told, is := flag(args, "container-runtime-endpoint"); is {
		return socketOf(told)
	}
	var config struct {
		Endpoint string `json:"container-runtime-endpoint"`
		Docker   bool   `json:"docker"`
	}
	raw, err := read(files, "/"+k3sConfig)
	if err == nil {
		err = yaml.Unmarshal(raw, &config)
	}
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("reading /%s: %w", k3sConfig, err)
	case config.Endpoint != "":
		return socketOf(config.Endpoint)
	case config.Docker:
		return k3sDocker, nil
	default:
		return k3sDefault, errGuess
	}
}

// kubeliteEndpoint: MicroK8s keeps the kubelet's flags in a file, one a line, with variables of its snap.
func kubeliteEndpoint(args []string, files fs.FS) (string, error) {
	file, is := flag(args, "kubelet-args-file")
	if !is {
		return "", errors.New("a kubelite without --kubelet-args-file")
	}
	raw, err := read(files, file)
	if err != nil {
		return "", err
	}
	expanded := strings.NewReplacer(
		"${SNAP_COMMON}", "/var/snap/microk8s/common", "$SNAP_COMMON", "/var/snap/microk8s/common",
		"${SNAP_DATA}", "/var/snap/microk8s/current", "$SNAP_DATA", "/var/snap/microk8s/current",
	).Replace(string(bytes.TrimSpace(raw)))
	return kubeletEndpoint(strings.Fields(expanded), files)
}

// socketOf reads an endpoint: unix:///run/x.sock, or the path alone as old kubelets took it.
func socketOf(endpoint string) (string, error) {
	socket := strings.Trim(endpoint, `"'`)
	socket = strings.TrimPrefix(strings.TrimPrefix(socket, "unix:"), "//")
	if !path.IsAbs(socket) {
		return "", fmt.Errorf("the kubelet's runtime endpoint %q is no unix socket", endpoint)
	}
	socket = path.Clean(socket)
	if after, is := strings.CutPrefix(socket, "/var/run/"); is {
		return "/run/" + after, nil
	}
	return socket, nil
}
