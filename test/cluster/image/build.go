package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Binary is an image of one static program.
type Binary struct {
	Reference string
	Path      string // of the program; its base name is the entrypoint
	User      string // "UID" or "UID:GID", root if empty
}

// accounts are enough for programs that look up who they are.
const accounts = "root:x:0:0:root:/:/\nnonroot:x:65532:65532:nonroot:/:/\n"

// Write writes the image to a docker archive. Equal programs make equal archives:
// every time stamp is zero.
func (b Binary) Write(out string) error {
	reference, err := name.NewTag(b.Reference)
	if err != nil {
		return fmt.Errorf("building image: %w", err)
	}
	img, err := b.image()
	if err != nil {
		return fmt.Errorf("building image %s: %w", b.Reference, err)
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return fmt.Errorf("writing image %s: %w", b.Reference, err)
	}
	draft := out + ".draft"
	if err := tarball.WriteToFile(draft, reference, img); err != nil {
		return fmt.Errorf("writing image %s: %w", b.Reference, err)
	}
	return os.Rename(draft, out)
}

func (b Binary) image() (v1.Image, error) {
	content, err := b.layer()
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	})
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config.Entrypoint = []string{"/" + filepath.Base(b.Path)}
	file.Config.Env = []string{"PATH=/"}
	file.Config.User = b.User
	return mutate.ConfigFile(img, file)
}

// layer is the root file system: the program, accounts and an empty /tmp.
func (b Binary) layer() ([]byte, error) {
	program, err := os.ReadFile(b.Path)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, entry := range []struct {
		name string
		mode int64
		data []byte
	}{
		{"etc/", 0o755, nil},
		{"etc/passwd", 0o644, []byte(accounts)},
		{"tmp/", 0o1777, nil},
		{filepath.Base(b.Path), 0o755, program},
	} {
		header := &tar.Header{Name: entry.name, Mode: entry.mode, Size: int64(len(entry.data)), ModTime: time.Unix(0, 0)}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(entry.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
