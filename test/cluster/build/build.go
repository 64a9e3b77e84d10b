package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/cluster/image"
	"github.com/bulkhead-dev/bulkhead/test/cluster/state"
)

var workloadImages = map[string]string{"pause": image.Pause, "hello": image.Hello}

// Builder builds components from one clone into one cache.
type Builder struct {
	Source string // test/cluster of the clone
	Cache  string
	Out    io.Writer // progress, for people
}

// New returns a builder for the clone around the working directory.
func New(out io.Writer) (Builder, error) {
	source, err := FindSource()
	if err != nil {
		return Builder{}, err
	}
	cache, err := CacheDir()
	if err != nil {
		return Builder{}, fmt.Errorf("finding cache folder: %w", err)
	}
	return Builder{Source: source, Cache: cache, Out: out}, nil
}

// All builds what is not in the cache yet. Two builds at once take turns.
func (b Builder) All(ctx context.Context) (state.Binaries, error) {
	unlock, err := state.Lock(filepath.Join(b.Cache, "lock"), time.Hour, func() {
		fmt.Fprintln(b.Out, "another build is running; waiting for it")
	})
	if err != nil {
		return state.Binaries{}, err
	}
	defer unlock()
	for _, component := range Components {
		if err := b.component(ctx, component); err != nil {
			return state.Binaries{}, err
		}
	}
	return b.Built()
}

// Built returns the folders of what All made, or says that it has to be called.
func (b Builder) Built() (state.Binaries, error) {
	var dirs []string
	for _, component := range []Component{Kube, NodeTools, Images} {
		dir, err := b.dir(component)
		if err != nil {
			return state.Binaries{}, err
		}
		if _, err := os.Stat(dir); err != nil {
			return state.Binaries{}, fmt.Errorf("%s is not built: run `cluster build` first", component.Name)
		}
		dirs = append(dirs, dir)
	}
	return state.Binaries{Kube: dirs[0], NodeTools: dirs[1], Images: dirs[2]}, nil
}

func (b Builder) dir(c Component) (string, error) {
	key, err := c.Key(b.Source)
	if err != nil {
		return "", err
	}
	return filepath.Join(b.Cache, c.Name+"-"+key), nil
}

// component builds into a folder beside the final one and renames it, so what
// has the final name is complete.
func (b Builder) component(ctx context.Context, c Component) error {
	dir, err := b.dir(c)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); err == nil {
		fmt.Fprintf(b.Out, "%-10s built already\n", c.Name)
		return nil
	}
	draft := dir + ".draft"
	if err := os.RemoveAll(draft); err != nil {
		return fmt.Errorf("building %s: %w", c.Name, err)
	}
	for _, step := range c.Steps {
		if err := b.compile(ctx, c, step, draft); err != nil {
			return fmt.Errorf("building %s: %w", c.Name, err)
		}
	}
	for _, link := range c.Links {
		if err := os.Symlink(c.Name, filepath.Join(draft, link)); err != nil {
			return fmt.Errorf("building %s: %w", c.Name, err)
		}
	}
	for program, reference := range c.Images {
		path := filepath.Join(draft, program)
		if err := (image.Binary{Reference: reference, Path: path}).Write(path + ".tar"); err != nil {
			return err
		}
	}
	if err := os.Rename(draft, dir); err != nil {
		return fmt.Errorf("building %s: %w", c.Name, err)
	}
	return nil
}
