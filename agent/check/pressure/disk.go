package pressure

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
	"github.com/bulkhead-dev/bulkhead/api/v1alpha1"
)

// Auto as the path of imagefs means: find it.
const Auto = "auto"

// stores are where runtimes keep images and containers.
var stores = []string{"/var/lib/containerd", "/var/lib/containers/storage", "/var/lib/docker"}

// Disk looks at the kubelet's file system and the runtime's.
type Disk struct {
	source  *source
	paths   host.Paths
	nodefs  string
	imagefs string // Auto: found at the first look
	crossed diskCrossed
}

// diskObservation is what is left.
type diskObservation struct {
	nodefs, imagefs host.FileSystem
}

// diskCrossed remembers which thresholds were crossed at the last look.
type diskCrossed struct {
	nodefs, nodefsInodes, imagefs, imagefsInodes bool
}

// Probe measures both.
func (d *Disk) Probe(ctx context.Context) ([]check.Finding, error) {
	known := d.source.current(ctx)
	o, err := d.gather()
	if err != nil {
		return nil, err
	}
	var findings []check.Finding
	findings, d.crossed = judgeDisk(o, known.Thresholds, d.crossed)
	return d.source.believed(known, findings)
}

// Watch keeps the thresholds fresh.
func (d *Disk) Watch(ctx context.Context, changed func()) error { return d.source.follow(ctx, changed) }

func (d *Disk) gather() (o diskObservation, err error) {
	o.nodefs, err = host.FileSystemOf(d.paths.At(d.nodefs))
	if errors.Is(err, fs.ErrNotExist) && d.paths.At("/") == "/" {
		return o, check.ErrNotApplicable // we see the host itself, and no kubelet ever ran on it
	}
	if err != nil {
		return o, missing(err, d.nodefs)
	}
	if d.imagefs == Auto {
		if d.imagefs, err = d.findStore(); err != nil {
			return o, err
		}
	}
	if d.imagefs == "" {
		return o, nil
	}
	if o.imagefs, err = host.FileSystemOf(d.imagefs); err != nil {
		return o, missing(err, d.imagefs)
	}
	return o, nil
}

// findStore is the path, as we see it, of the file system that images and containers lie on. In a pod that is our own
// root: the runtime made it there, and an overlay tells how full the file system of its upper layer is.
func (d *Disk) findStore() (string, error) {
	for _, store := range stores {
		_, err := host.FileSystemOf(d.paths.At(store))
		if err == nil {
			return d.paths.At(store), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Auto, err
		}
	}
	if d.paths.At("/") != "/" {
		return "/", nil
	}
	return "", nil
}

func missing(err error, path string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("measuring the file system of %s: %w; is it mounted into the agent's pod?", path, err)
	}
	return fmt.Errorf("measuring the file system of %s: %w", path, err)
}

func judgeDisk(o diskObservation, t Thresholds, was diskCrossed) (findings []check.Finding, now diskCrossed) {
	now = diskCrossed{
		nodefs:        t.Nodefs.isCrossed(o.nodefs.BytesAvailable, o.nodefs.Bytes, was.nodefs),
		nodefsInodes:  inodesCrossed(t.NodefsInodes, o.nodefs, was.nodefsInodes),
		imagefs:       o.imagefs.Bytes > 0 && t.Imagefs.isCrossed(o.imagefs.BytesAvailable, o.imagefs.Bytes, was.imagefs),
		imagefsInodes: inodesCrossed(t.ImagefsInodes, o.imagefs, was.imagefsInodes),
	}
	add := func(crossed bool, reason v1alpha1.Reason, left, what, of string, t Threshold) {
		if crossed {
			findings = append(findings, check.Finding{Reason: reason, Message: fmt.Sprintf(
				"%s of the %s of %s is left; the kubelet evicts below %s", left, what, of, t)})
		}
	}
	const nodefs, imagefs = "the kubelet's file system", "the container runtime's file system"
	add(now.nodefs, v1alpha1.ReasonDiskPressure, leftOver(o.nodefs.BytesAvailable, o.nodefs.Bytes), "room", nodefs, t.Nodefs)
	add(now.imagefs, v1alpha1.ReasonImageDiskPressure, leftOver(o.imagefs.BytesAvailable, o.imagefs.Bytes), "room", imagefs, t.Imagefs)
	add(now.nodefsInodes, v1alpha1.ReasonInodePressure, leftOver(o.nodefs.InodesFree, o.nodefs.Inodes), "inodes", nodefs, t.NodefsInodes)
	add(now.imagefsInodes, v1alpha1.ReasonInodePressure, leftOver(o.imagefs.InodesFree, o.imagefs.Inodes), "inodes", imagefs, t.ImagefsInodes)
	return findings, now
}

func inodesCrossed(t Threshold, f host.FileSystem, was bool) bool {
	return f.Inodes > 0 && t.isCrossed(f.InodesFree, f.Inodes, was)
}
